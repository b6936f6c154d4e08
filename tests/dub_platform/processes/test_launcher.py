"""The run launcher: where it sends runs, and what it writes about one that somebody stops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, job, op
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from assets.partitions import dub_key, dubs, videos
from assets.step.tags import tags_of
from dub_platform.processes.launcher import WorkerRunLauncher
from dub_platform.registry import Work

LAUNCHER = {
    "module": "dub_platform.processes.launcher",
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


@pytest.mark.parametrize(
    ("tags", "sent"),
    [
        (videos.get_tags_for_partition_key("up-1"), ("transcribe", 9)),
        (dubs.get_tags_for_partition_key(dub_key("up-1", "es")), ("dub", 9)),
        ({}, ("dub", 9)),
        ({"dagster-celery/queue": "elsewhere"}, ("elsewhere", 9)),
        ({"dagster/partition": "up-1", **tags_of(Work("up-1", None, 1))}, ("transcribe", 0)),
        ({"dagster/partition": "es|up-1", **tags_of(Work("up-1", "es", 1))}, ("dub", 0)),
    ],
    ids=["video", "dub", "upkeep", "named", "asked-video", "asked-dub"],
)
def test_a_run_goes_where_what_it_makes_is_made(
    instance: DagsterInstance, tags: dict[str, str], sent: tuple[str, int]
) -> None:
    """Also one that an operator or a backfill started, which no tag of ours says anything of.

    Those go after what was asked for: a smaller number is first. No run is listed with what it was
    sent by.
    """
    origin = JobPythonOrigin(
        "prepare", RepositoryPythonOrigin("python", ModuleCodePointer("x", "y"))
    )
    run = instance.create_run_for_job(prepare, tags=tags, job_code_origin=origin)
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    assert [sent[1]] == _priorities(instance, sent[0])
    listed = instance.get_run_by_id(run.run_id)
    assert listed
    assert {*tags, DAGSTER_CELERY_TASK_ID_TAG} == listed.tags.keys()


def _priorities(instance: DagsterInstance, queue: str) -> list[int]:
    """Those of the tasks that wait in a queue of the broker, which it is rid of then."""
    assert isinstance(instance.run_launcher, WorkerRunLauncher)
    with instance.run_launcher.celery.connection_for_read() as connection:
        channel: Any = connection.channel()
        found = list(iter(lambda: channel.basic_get(queue, no_ack=True), None))
    return [message.properties["priority"] for message in found]


def _run(
    instance: DagsterInstance, status: DagsterRunStatus, tags: dict[str, str] | None = None
) -> str:
    noted = {DAGSTER_CELERY_TASK_ID_TAG: "a-task"} if tags is None else tags
    return instance.create_run_for_job(prepare, status=status, tags=noted).run_id


def _status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status
