"""Dagster's storage on one machine: its own SQLite files, with connections that are kept.

    storage:                                        # in deploy/embedded/dagster.yaml
      custom:
        module: dub_platform.local.dagster_storage
        class: LocalStorage
        config:
          base_dir:
            env: DAGSTER_HOME

Dagster makes an engine for each query: a connection, a dialect that asks what SQLite can do, and
no memory of the statements that were asked before. That was most of what its daemon did at rest.
The files are where Dagster has them by itself. Tested by
`tests/dub_platform/local/test_dagster_storage.py`.
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

# As Dagster's own for its events; a busy machine is slow to let the next one write.
BUSY_SECONDS = 30
_engines = dict[str, Engine]()


def open_instance(home: Path) -> DagsterInstance:
    """Open the instance of this folder, which its dagster.yaml knows as DAGSTER_HOME."""
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
    """Close what nobody uses now; in a forked process, leave to its parent what is the parent's."""
    for engine in list(_engines.values()):
        engine.dispose(close=not in_child)


os.register_at_fork(after_in_child=functools.partial(_close, in_child=True))


class LocalStorage(CompositeStorage):
    """Runs, events and schedules below one folder."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """The folder, which is DAGSTER_HOME."""
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make it from dagster.yaml."""
        base = Path(config_value["base_dir"])
        runs, schedules = _make_files(base)
        events = _Events(str(base / "history" / "runs"))
        return cls(_Runs(runs), events, _Schedules(schedules), inst_data)


@functools.cache
def _make_files(base: Path) -> tuple[str, str]:
    """Make what is not there yet, which is looked at once: every tick of a sensor opens this."""
    runs = SqliteRunStorage.from_local(str(base / "history"))
    schedules = SqliteScheduleStorage.from_local(str(base / "schedules"))
    return runs._conn_string, schedules._conn_string  # noqa: SLF001 - where they are


class _KeepsConnections:
    """Reads and writes through the engine that this process has for the file."""

    _conn_string: str

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with _engine_at(self._conn_string).begin() as connection:
            yield connection


class _Runs(_KeepsConnections, SqliteRunStorage):
    def dispose(self) -> None:
        """Close also what schedules were read with, of which Dagster does not say that it ends."""
        _close()


class _Schedules(_KeepsConnections, SqliteScheduleStorage):
    pass


class _Events(SqliteEventLogStorage):
    """Each run has a file of its own, which goes with it: only the index is kept open."""

    @contextmanager
    def index_connection(self) -> Iterator[Connection]:
        with _engine_at(self.conn_string_for_shard("index")).begin() as connection:
            yield connection
