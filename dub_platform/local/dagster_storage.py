"""Dagster's storage on one machine: its SQLite files, with connections that stay open.

    storage:                                        # in deploy/embedded/dagster.yaml
      custom:
        module: dub_platform.local.dagster_storage
        class: LocalStorage
        config:
          base_dir:
            env: DAGSTER_HOME

Dagster itself makes an engine for each query: a new connection, checks of SQLite's features, and no
cache of compiled statements. That was most of its daemon's work at rest. The files are at Dagster's
own places. Tested by `tests/dub_platform/local/test_dagster_storage.py`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, StringSource
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.legacy_storage import CompositeStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from typing_extensions import Self

# Dagster's own value for events: on a busy machine a writer may wait long for its turn.
BUSY_SECONDS = 30
_engines = dict[str, Engine]()


def open_instance(home: Path) -> DagsterInstance:
    """Open the instance in this folder, with DAGSTER_HOME set while its dagster.yaml is read."""
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        return DagsterInstance.from_config(str(home))
    finally:
        del os.environ["DAGSTER_HOME"]
        if before is not None:
            os.environ["DAGSTER_HOME"] = before


def _engine_at(url: str) -> Engine:
    if url not in _engines:
        _engines.setdefault(url, create_engine(url, connect_args={"timeout": BUSY_SECONDS}))
    return _engines[url]


def _close(*, in_child: bool = False) -> None:
    """Close all idle connections; in a forked process drop them, because they belong to the
    parent."""
    for engine in list(_engines.values()):
        engine.dispose(close=not in_child)


os.register_at_fork(after_in_child=functools.partial(_close, in_child=True))


class LocalStorage(CompositeStorage):
    """Runs, events and schedules below one folder."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Return the configuration's schema: the folder."""
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the storage from dagster.yaml."""
        base = Path(config_value["base_dir"])
        runs, schedules = _make_files(base)
        events = _Events(str(base / "history" / "runs"))
        return cls(_Runs(runs), events, _Schedules(schedules), inst_data)


@functools.cache
def _make_files(base: Path) -> tuple[str, str]:
    """Make missing files, once for each process, because every tick of a sensor opens the
    storage."""
    runs = SqliteRunStorage.from_local(str(base / "history"))
    schedules = SqliteScheduleStorage.from_local(str(base / "schedules"))
    return runs._conn_string, schedules._conn_string  # noqa: SLF001 - where they are


class _KeepsConnections:
    """Uses the process's engine for the file."""

    _conn_string: str

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with _engine_at(self._conn_string).begin() as connection:
            yield connection


class _Runs(_KeepsConnections, SqliteRunStorage):
    def dispose(self) -> None:
        """Close all connections, also those for schedules, whose end Dagster does not report."""
        _close()


class _Schedules(_KeepsConnections, SqliteScheduleStorage):
    pass


class _Events(SqliteEventLogStorage):
    """Each run has a file that is deleted with it, so only the connection to the index stays
    open."""

    @contextmanager
    def index_connection(self) -> Iterator[Connection]:
        with _engine_at(self.conn_string_for_shard("index")).begin() as connection:
            yield connection
