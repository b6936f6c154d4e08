"""Partition keys, added by several processes at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy.exc import IntegrityError

from assets.partitions import add_keys, languages, videos
from tests.contracts.databases import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]

KEYS = [f"video-{number}" for number in range(40)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An instance of its own, on SQLite."""
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


def test_what_several_add_at_once_is_there_once(home: Path, instance: DagsterInstance) -> None:
    """The API and a sensor add a new video's key in the same moment."""
    failures: list[Exception] = []
    together = threading.Barrier(3)

    def add_one_by_one() -> None:
        with DagsterInstance.from_config(str(home)) as own:
            for key in KEYS:
                together.wait()
                try:
                    add_keys(own, videos, [key])
                except Exception as error:  # noqa: BLE001 - it is told below
                    failures.append(error)

    add_keys(instance, languages, [])
    threads = [threading.Thread(target=add_one_by_one) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures
    assert sorted(KEYS) == sorted(instance.get_dynamic_partitions("videos"))


def test_on_postgresql_nothing_is_looked_for_first(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One statement writes what is missing; a look would be a connection for each key."""
    storage = f"storage:\n  postgres:\n    postgres_url: {postgres_url}\n"
    (tmp_path / "dagster.yaml").write_text(f"telemetry:\n  enabled: false\n{storage}")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        monkeypatch.setattr(instance, "has_dynamic_partition", lambda *_: pytest.fail("it looked"))
        for keys in (["es", "ca", "ca"], ["es", "gl"], []):
            add_keys(instance, languages, keys)
        assert ["ca", "es", "gl"] == sorted(instance.get_dynamic_partitions("languages"))


def test_a_key_that_another_adds_in_between_is_no_failure(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster looks which keys are there, and only then writes."""
    add = instance.add_dynamic_partitions
    tries: list[list[str]] = []

    def collide(name: str, keys: list[str]) -> None:
        tries.append(keys)
        if len(tries) == 1:
            add(name, keys[:1])
            raise IntegrityError("INSERT", None, Exception("UNIQUE constraint failed"))
        add(name, keys)

    monkeypatch.setattr(instance, "add_dynamic_partitions", collide)
    add_keys(instance, languages, ["es", "ca", "ca"])
    assert [["es", "ca"], ["ca"]] == tries
    assert {"es", "ca"} == set(instance.get_dynamic_partitions("languages"))
