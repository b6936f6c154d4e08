"""The run launcher where no fork server is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.launcher.base import WorkerStatus

from dub_platform.registry import Work
from sensors.celery_tasks import is_alive
from tests.sensors.rows import VIDEO, run_of

LAUNCHER = {"module": "dub_platform.local.run_launcher", "class": "ForkRunLauncher"}


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(overrides={"run_launcher": LAUNCHER}) as instance:
        yield instance


def test_without_a_fork_server_no_run_is_alive(instance: DagsterInstance) -> None:
    """What it forked has ended with it, and whoever asks is answered."""
    run = run_of(instance, Work(VIDEO, "es", 1), DagsterRunStatus.STARTED)
    health = instance.run_launcher.check_run_worker_health(run)
    assert WorkerStatus.NOT_FOUND is health.status
    assert not is_alive(instance, run)


def test_a_run_without_a_process_is_stopped_all_the_same(instance: DagsterInstance) -> None:
    """Its row in Dagster says so."""
    run = run_of(instance, Work(VIDEO, "es", 1), DagsterRunStatus.STARTING)
    assert instance.run_launcher.terminate(run.run_id)
    stopped = instance.get_run_by_id(run.run_id)
    assert stopped
    assert DagsterRunStatus.CANCELED is stopped.status
