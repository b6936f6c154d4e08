"""Finds runs whose Celery task is lost, and tells whether a run's process is alive.

    lost_runs(instance, runs)   # {"8f1ee77c-883a-4de6-9f9c-e536c0d81169"}
    is_alive(instance, run)     # True: its process is there, however slow the machine is

A task is either in a queue or taken by a worker. A task that is in neither was lost, with a worker
that had just taken it or with a broker that was killed before it saved the task. Celery would
deliver it again only after the visibility time-out, hours later, or never.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher.base import WorkerStatus

from assets.step.tags import queue_of

if TYPE_CHECKING:
    from celery import Celery

TASK_ID = "dagster-celery/task_id"
ANSWER_SECONDS = 1.0


def lost_runs(instance: DagsterInstance, runs: Iterable[DagsterRun]) -> Collection[str]:
    """Return the ids of launched runs whose tasks exist nowhere any more."""
    launched = {
        run.tags[TASK_ID]: run
        for run in runs
        if run.status is DagsterRunStatus.STARTING and TASK_ID in run.tags
    }
    if not launched:
        return ()
    # Imported only if there are Celery tasks, because the import takes half a second.
    from dagster_celery.launcher import CeleryRunLauncher

    launcher = instance.run_launcher
    if not isinstance(launcher, CeleryRunLauncher):
        return ()
    queues = {queue_of(run.tags) for run in launched.values()}
    # Queues first: a task moves from its queue to a worker and never back, so none is missed.
    missing = launched.keys() - _queued_tasks(launcher.celery, queues)
    missing -= _tasks_of_workers(launcher.celery, missing)
    return {launched[task_id].run_id for task_id in missing}


def is_alive(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the run's process is known to exist; False if nobody can tell.

    A process on a very busy machine may renew its lease late without being dead. Celery knows only
    which tasks were taken, and also believes that of a task whose worker was killed.
    """
    launcher = instance.run_launcher
    if TASK_ID in run.tags or not launcher.supports_check_run_worker_health:
        return False
    return launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


def _queued_tasks(celery: Celery, queues: Iterable[str]) -> set[str]:
    """Return the ids of the tasks in these queues; Redis has one list for each priority."""
    with celery.connection_for_read() as connection:
        channel: Any = connection.channel()
        lists = [
            f"{queue}{channel.sep}{priority}" if priority else queue
            for queue in queues
            for priority in channel.priority_steps
        ]
        messages = [each for name in lists for each in channel.client.lrange(name, 0, -1)]
    return {json.loads(message)["headers"]["id"] for message in messages}


def _tasks_of_workers(celery: Celery, task_ids: Collection[str]) -> set[str]:
    """Return those of the tasks that a worker has taken."""
    if not task_ids:
        return set()
    answers = celery.control.inspect(timeout=ANSWER_SECONDS).query_task(*task_ids) or {}
    return {task_id for known in answers.values() for task_id in known}
