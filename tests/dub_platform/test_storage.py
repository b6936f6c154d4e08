"""Dagster's storage in production; `tests/deploy/test_dagster_yaml.py` opens it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import base
from dagster import DagsterInstance
from dagster._core.storage import sql

from dub_platform.storage import read_migrations_once


def test_a_process_reads_dagsters_migrations_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever opens its storage anew, as a code server does for every tick of a sensor."""
    monkeypatch.setattr(sql, "ScriptDirectory", sql.ScriptDirectory)
    read, load = list[str](), base.util.load_python_file

    def count(folder: str, name: str) -> object:
        read.append(name)
        return load(folder, name)

    monkeypatch.setattr(base.util, "load_python_file", count)
    read_migrations_once()
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        ref = instance.get_ref()
        instance.get_runs_count()
    first = len(read)
    for _ in range(3):
        with DagsterInstance.from_ref(ref) as again:
            again.get_runs_count()
    assert first == len(read)
