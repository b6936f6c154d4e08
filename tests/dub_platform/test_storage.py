"""Dagster's storage in production; `tests/deploy/test_dagster_yaml.py` opens it."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from alembic.script import base
from dagster import DagsterInstance
from dagster._core.storage import sql
from dagster_postgres import utils
from sqlalchemy.dialects.postgresql.base import PGDialect

from dub_platform.storage import read_migrations_once, share_engines
from tests.contracts.databases import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]


def test_a_process_reads_dagsters_migrations_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever opens its storage anew, as a code server does for every tick of a sensor."""
    monkeypatch.setattr(sql, "ScriptDirectory", sql.ScriptDirectory)  # type: ignore[attr-defined]
    read, load = list[str](), base.util.load_python_file  # type: ignore[attr-defined]

    def count(folder: str, name: str) -> object:
        read.append(name)
        return load(folder, name)

    monkeypatch.setattr(base.util, "load_python_file", count)  # type: ignore[attr-defined]
    read_migrations_once()
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        ref = instance.get_ref()
        instance.get_runs_count()
    first = len(read)
    for _ in range(3):
        with DagsterInstance.from_ref(ref) as again:
            again.get_runs_count()
    assert first == len(read)


def test_a_process_connects_by_the_same_engines(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy keeps the dialects of the last 128 engines: a worker would grow with each run."""
    monkeypatch.setattr(utils, "create_engine", utils.create_engine)  # type: ignore[attr-defined]
    share_engines()
    (tmp_path / "dagster.yaml").write_text(
        f"storage: {{postgres: {{postgres_url: '{postgres_url}'}}}}"
    )
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        ref = instance.get_ref()
        before = count_dialects()
        for _ in range(5):
            with DagsterInstance.from_ref(ref) as again:
                assert 0 == again.get_runs_count()
    assert before == count_dialects()


def count_dialects() -> int:
    gc.collect()
    return sum(isinstance(each, PGDialect) for each in gc.get_objects())
