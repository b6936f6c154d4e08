"""Dagster's daemon, as the API knows it: by the heartbeats in a real instance's storage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat

from api.background.dagster_daemon import NEEDED, SILENT_SECONDS, Daemon
from dub_platform.core.errors import DaemonSilentError


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def daemon(instance: DagsterInstance) -> Daemon:
    return Daemon(lambda: instance)


def beat(instance: DagsterInstance, part: str, ago: float = 0.0) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, part, "one", None))


def test_a_daemon_that_turns_is_well(instance: DagsterInstance, daemon: Daemon) -> None:
    """Every part that is needed was heard of lately."""
    for part in NEEDED:
        beat(instance, part)
    daemon.check()
    assert set(NEEDED) == set(daemon.heartbeats())


def test_a_part_that_is_off_is_not_heard_of(instance: DagsterInstance, daemon: Daemon) -> None:
    """What it said last stays in the storage, and would be told as older every day."""
    beat(instance, "MONITORING", ago=86400.0)
    beat(instance, "SENSOR")
    assert ["SENSOR"] == list(daemon.heartbeats())


def test_a_daemon_that_never_ran_is_silent(daemon: Daemon) -> None:
    """There is nothing to be heard of."""
    with pytest.raises(DaemonSilentError, match="nothing new starts"):
        daemon.check()


@pytest.mark.parametrize("part", NEEDED)
def test_one_part_that_is_silent_is_named(
    instance: DagsterInstance, daemon: Daemon, part: str
) -> None:
    """Whatever the others say."""
    for other in NEEDED:
        beat(instance, other, ago=2 * SILENT_SECONDS if other == part else 0.0)
    with pytest.raises(DaemonSilentError, match=part):
        daemon.check()


def test_a_heartbeat_has_its_moment(instance: DagsterInstance, daemon: Daemon) -> None:
    """Of which its age is made."""
    beat(instance, "SENSOR", ago=40.0)
    age = time.time() - daemon.heartbeats()["SENSOR"].timestamp()
    assert 40 <= age < 3600
