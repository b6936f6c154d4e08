"""Whether a run that was handed to Celery's workers can still begin.

A task is in a queue, or a worker has it. One that is in neither was lost with the worker that had
just taken it, and would come back only after the visibility time-out, which is hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

if TYPE_CHECKING:
    from dagster_celery.launcher import CeleryRunLauncher

QUEUE, TASK_ID = "dagster-celery/queue", "dagster-celery/task_id"
ANSWER_SECONDS = 1.0


def has_lost(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the run was launched and its task is nowhere any more."""
    # Only where Celery is the engine: it costs a process half a second.
    from dagster_celery.launcher import CeleryRunLauncher

    launcher = instance.run_launcher
    if run.status is not DagsterRunStatus.STARTING or not isinstance(launcher, CeleryRunLauncher):
        return False
    task_id = run.tags.get(TASK_ID)
    # Looked for in the queue first: a task moves from there to a worker, never back.
    if task_id is None or _waiting(launcher, run.tags.get(QUEUE, launcher.default_queue)):
        return False
    known = launcher.celery.control.inspect(timeout=ANSWER_SECONDS).query_task(task_id) or {}
    return not any(known.values())


def _waiting(launcher: CeleryRunLauncher, queue: str) -> int:
    """How many tasks wait in the queue."""
    from kombu import Queue

    with launcher.celery.connection_for_read() as connection:
        found = Queue(queue, channel=connection.channel()).queue_declare(passive=True)
    return int(found.message_count)  # type: ignore[union-attr]  # its stubs say it is text
