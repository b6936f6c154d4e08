"""Partition keys in a real Dagster instance."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance

from api.background.partition_keys import Announcer
from tests.api.conftest import Log


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance of its own, on SQLite."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return tmp_path


@pytest.mark.usefixtures("home")
def test_keys_are_added_once_however_often_they_are_announced() -> None:
    """Repeated languages and repeated announcements leave one key each."""
    announce = Announcer()
    announce("dQw4w9WgXcQ", ["es", "ca", "es"])
    announce("dQw4w9WgXcQ", ["es", "gl"])
    with DagsterInstance.get() as instance:
        assert (["dQw4w9WgXcQ"], ["es", "ca", "gl"]) == (
            list(instance.get_dynamic_partitions("videos")),
            list(instance.get_dynamic_partitions("languages")),
        )


@pytest.mark.usefixtures("home")
def test_a_language_is_not_looked_for_with_each_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are few, and each look is a connection to Dagster's storage."""
    looked: list[str] = []
    has_key = DagsterInstance.has_dynamic_partition

    def noting(instance: DagsterInstance, name: str, key: str) -> bool:
        looked.append(key)
        return has_key(instance, name, key)

    monkeypatch.setattr(DagsterInstance, "has_dynamic_partition", noting)
    announce = Announcer()
    for video_id in ("aaaaaaaaaaa", "bbbbbbbbbbb"):
        announce(video_id, ["es"])
    assert ["aaaaaaaaaaa", "es", "bbbbbbbbbbb"] == looked


def test_dagster_being_away_refuses_nobody(home: Path, log: Log) -> None:
    """The failure is a warning in the log: the sensor adds the keys again."""
    (home / "dagster.yaml").write_text("storage: [nonsense")
    Announcer()("dQw4w9WgXcQ", ["es"])
    assert [("partition keys left to the sensor", "warning")] == [
        (line["event"], line["log_level"]) for line in log
    ]
