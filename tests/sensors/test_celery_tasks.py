"""Which tasks are nowhere any more: asked of a real broker and a real worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster_celery.launcher import CeleryRunLauncher

from dub_platform.registry import Work
from sensors.celery_tasks import lost_runs
from tests.sensors.rows import VIDEO, run_of
from tests.support.patience import HANG_SECONDS
from tests.support.servers.redis import running_redis

WORK = Work(VIDEO, "es", 1)
FIRST, LAST = 0, 9


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
def instance(broker: str) -> Iterator[DagsterInstance]:
    """One whose runs go to workers through the broker."""
    launcher = {
        "module": "dub_platform.processes.launcher",
        "class": "WorkerRunLauncher",
        "config": {"broker": broker, "backend": broker, "default_queue": "dub"},
    }
    with DagsterInstance.local_temp(overrides={"run_launcher": launcher}) as instance:
        yield instance
        celery_of(instance).control.purge()


@pytest.mark.parametrize("priority", [FIRST, LAST])
def test_a_task_in_a_queue_is_not_lost(instance: DagsterInstance, priority: int) -> None:
    """Whatever its priority, and however long it waits."""
    run = launched(instance, "waits")
    celery_of(instance).send_task("hold", task_id="waits", queue="dub", priority=priority)
    assert set() == set(lost_runs(instance, [run]))


def test_a_task_that_nobody_has_is_lost(instance: DagsterInstance) -> None:
    """Also while others wait in the same queue, or in another."""
    runs = [launched(instance, "vanished"), launched(instance, "waits")]
    for queue in ("dub", "transcribe"):
        celery_of(instance).send_task("hold", task_id="waits", queue=queue, priority=LAST)
    assert {runs[0].run_id} == set(lost_runs(instance, runs))


def test_a_task_that_a_worker_has_is_not_lost(instance: DagsterInstance) -> None:
    """It left the queue, and its run did not begin yet."""
    run = launched(instance, "taken")
    with holding_worker(celery_of(instance)) as begun:
        celery_of(instance).send_task("hold", task_id="taken", queue="dub")
        assert begun.wait(HANG_SECONDS)
        assert set() == set(lost_runs(instance, [run, launched(instance, "taken")]))


def test_a_run_that_is_under_way_is_not_asked_for(instance: DagsterInstance) -> None:
    """Its lease says whether somebody is at it."""
    run = launched(instance, "vanished", DagsterRunStatus.STARTED)
    assert set() == set(lost_runs(instance, [run]))


def launched(
    instance: DagsterInstance, task_id: str, status: DagsterRunStatus = DagsterRunStatus.STARTING
) -> DagsterRun:
    """A run whose task was sent to the workers under this id."""
    tags = {"dagster-celery/task_id": task_id}
    return run_of(instance, WORK, status, **tags)


def celery_of(instance: DagsterInstance) -> Celery:
    assert isinstance(instance.run_launcher, CeleryRunLauncher)
    app: Celery = instance.run_launcher.celery
    return app


@contextmanager
def holding_worker(celery: Celery) -> Iterator[threading.Event]:
    """A worker that keeps what it takes until the end; the event is set when it took something."""
    begun, over = threading.Event(), threading.Event()

    @celery.task(name="hold")
    def hold() -> None:
        begun.set()
        over.wait(HANG_SECONDS)

    celery.conf.task_default_queue = "dub"
    with start_worker(celery, pool="threads", perform_ping_check=False, queues=["dub"]):
        try:
            yield begun
        finally:
            over.set()
