"""The run launcher: what it writes about a run that somebody stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, DagsterRunStatus, job, op
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from dub_platform.launcher import WorkerRunLauncher

LAUNCHER = {
    "module": "dub_platform.launcher",
    "class": "WorkerRunLauncher",
    "config": {"broker": "memory://", "backend": "cache+memory://"},
}


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """An instance that sends runs to workers of which there are none."""
    with DagsterInstance.local_temp(overrides={"run_launcher": LAUNCHER}) as instance:
        assert isinstance(instance.run_launcher, WorkerRunLauncher)
        yield instance


@op
def listen() -> None: ...


@job
def prepare() -> None:
    listen()


def test_a_run_that_waits_for_a_worker_is_canceled_at_once(instance: DagsterInstance) -> None:
    """No worker has it that could say so."""
    run_id = _run(instance, DagsterRunStatus.STARTING)
    assert instance.run_launcher.terminate(run_id)
    assert DagsterRunStatus.CANCELED is _status(instance, run_id)


def test_a_run_without_a_task_yet_is_canceled_too(instance: DagsterInstance) -> None:
    """It was stopped between its launch and the note of its task."""
    run_id = _run(instance, DagsterRunStatus.STARTING, tags={})
    assert instance.run_launcher.terminate(run_id)
    assert DagsterRunStatus.CANCELED is _status(instance, run_id)


def test_a_run_under_way_is_marked_for_its_worker(instance: DagsterInstance) -> None:
    """The worker, interrupted, then knows that it was somebody's wish, and writes the end."""
    run_id = _run(instance, DagsterRunStatus.STARTED)
    assert instance.run_launcher.terminate(run_id)
    assert DagsterRunStatus.CANCELING is _status(instance, run_id)


def test_a_run_that_ended_is_left_as_it_is(instance: DagsterInstance) -> None:
    """There is nothing to stop."""
    run_id = _run(instance, DagsterRunStatus.SUCCESS)
    assert not instance.run_launcher.terminate(run_id)
    assert DagsterRunStatus.SUCCESS is _status(instance, run_id)


def _run(
    instance: DagsterInstance, status: DagsterRunStatus, tags: dict[str, str] | None = None
) -> str:
    noted = {DAGSTER_CELERY_TASK_ID_TAG: "a-task"} if tags is None else tags
    return instance.create_run_for_job(prepare, status=status, tags=noted).run_id


def _status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status
