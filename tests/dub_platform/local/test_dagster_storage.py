"""Dagster's storage on one machine; `tests/deploy/test_dagster_yaml.py` writes and reads there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import InstigatorType
from dagster._daemon.types import DaemonHeartbeat
from sqlalchemy import Pool, event

from dub_platform.local.dagster_storage import open_instance
from dub_platform.local.stack import CHECKOUT
from tests.support.patience import HANG_SECONDS

FILES = ("runs", "schedules", "index")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A DAGSTER_HOME with its configuration and nothing else."""
    return home_at(tmp_path)


def home_at(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    shutil.copy(CHECKOUT / "deploy" / "embedded" / "dagster.yaml", folder)
    return folder


@pytest.fixture
def connections() -> Iterator[list[object]]:
    """Those that are opened meanwhile, to whatever database."""
    opened = list[object]()

    def note(connection: object, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    yield opened
    event.remove(Pool, "connect", note)


def look(instance: DagsterInstance) -> None:
    """Ask for what the daemon asks for again and again, in each of the files."""
    instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.QUEUED]))
    instance.get_daemon_heartbeats()
    instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    instance.event_log_storage.get_pool_limits()


def test_the_daemon_asks_over_the_connections_that_there_are(
    home: Path, connections: list[object]
) -> None:
    """None is opened for a look, however often it looks for work."""
    with open_instance(home) as instance:
        look(instance)
        connections.clear()
        for _ in range(20):
            look(instance)
    assert [] == connections


def test_a_tick_opens_the_storage_that_there_is(
    home: Path, connections: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code server does for each one, and looks no more whether there are tables."""
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with DagsterInstance.from_config(str(home)) as instance:
        look(instance)
        connections.clear()
        for _ in range(5):
            with DagsterInstance.from_ref(instance.get_ref()):
                pass
    assert [] == connections


def test_a_folder_that_is_put_back_is_read_anew(home: Path, tmp_path: Path) -> None:
    """As a backup is, by the process that made the tables before."""
    other = home_at(tmp_path / "other")
    with open_instance(other) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(1.0, "SENSOR", "other", []))
    with open_instance(home) as instance:
        look(instance)
    shutil.rmtree(home / "history")
    shutil.copytree(other / "history", home / "history")
    with open_instance(home) as instance:
        assert ["SENSOR"] == list(instance.get_daemon_heartbeats())


def test_a_forked_process_has_connections_of_its_own(home: Path, connections: list[object]) -> None:
    """SQLite spoils a file that two processes write to over one connection."""
    answer, tell = get_context("fork").Pipe(duplex=False)
    with open_instance(home) as instance:
        look(instance)

        def ask() -> None:
            connections.clear()
            look(instance)
            tell.send(len(connections))

        child = get_context("fork").Process(target=ask)
        child.start()
        assert answer.poll(HANG_SECONDS)
        assert len(FILES) == answer.recv()
        child.join()


@pytest.mark.parametrize("before", ["/nowhere", None])
def test_opening_a_folder_leaves_the_environment_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    """It is the folder that is opened, and not the one that DAGSTER_HOME names."""
    if before is not None:
        monkeypatch.setenv("DAGSTER_HOME", before)
    with open_instance(home) as instance:
        assert str(home) == instance.root_directory
        look(instance)
    assert before == os.environ.get("DAGSTER_HOME")
    assert (home / "history" / "runs.db").exists()
