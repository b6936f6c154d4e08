"""The engine: one way to connect, so that every process keeps the same promises.

    engine = engine_at("sqlite:////srv/dub/registry.sqlite")
    engine = engine_at("postgresql://dub@db/registry")
    engine is engine_at("postgresql://dub@db/registry")     # one pool for the whole process

API processes, runs and sensors write at once. PostgreSQL is made for it; SQLite is made to
wait its turn: readers never block the writer (WAL), and a transaction that may write takes
the write lock when it begins. `for_reading` is the same engine without that lock.
"""

from __future__ import annotations

import functools
import math
import os
import sqlite3
import threading
import time
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from dub_platform.core.errors import StorageFullError, StorageUnavailableError

# What PostgreSQL calls a full disk. SQLite has words for it, and others where not even the file
# fits that its processes share.
_FULL_CODE, _FULL_WORDS = "53100", ("database or disk is full", "disk I/O error")
BUSY_SECONDS = 30
# A server that takes a connection and says nothing would be waited for without an end.
CONNECT_SECONDS = 10
# PostgreSQL has a hundred for all processes, Dagster's too; a transaction here lasts milliseconds.
MOST_CONNECTIONS = 8
# After which a connection is tried before it is used. A server that was killed has started anew in
# three tenths of a second, and not in less than this.
REST_SECONDS = 0.05
_RESTS_SINCE = "rests_since"
_WAL_PAUSE_SECONDS = 0.02


class _Engines:
    """One engine for each database, for as long as somebody holds it."""

    def __init__(self) -> None:
        self._made: WeakValueDictionary[str, Engine] = WeakValueDictionary()
        self._lock = threading.Lock()

    def at(self, url: str) -> Engine:
        with self._lock:
            return self._made.get(url) or self._made.setdefault(url, _make_engine(url))

    def forget_connections(self) -> None:
        """What a forked process does first: the connections it inherited are its parent's."""
        self._lock = threading.Lock()
        for engine in list(self._made.values()):
            engine.dispose(close=False)


_engines = _Engines()
os.register_at_fork(after_in_child=_engines.forget_connections)


def engine_at(url: str) -> Engine:
    """The process's engine for the SQLAlchemy URL; nothing is connected before it is used.

    Safe to share between threads, of which `MOST_CONNECTIONS` are served at once. What it does
    raises StorageFullError where the database finds no space, StorageUnavailableError where a
    file is busy for too long.
    """
    return _engines.at(url)


def _make_engine(url: str) -> Engine:
    engine = create_engine(url, pool_size=MOST_CONNECTIONS, max_overflow=0)
    event.listen(engine, "handle_error", _name_full_disk)
    event.listen(engine, "handle_error", _name_busy_file)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        # SQLite's driver is said to be so too, because transactions are begun here.
        engine.dialect.skip_autocommit_rollback = True
        event.listen(engine, "do_connect", _give_up_in_time)
        event.listen(engine, "engine_connect", _choose_transactions)
        event.listen(engine, "checkin", _rest)
        event.listen(engine, "checkout", functools.partial(_ping_rested, engine.dialect))
    return engine


def for_reading(engine: Engine) -> Engine:
    """Return the engine's pool for what only reads.

    PostgreSQL is asked without a transaction around it: each statement sees what is committed, as
    it would in one, and is one message there and back instead of three.
    """
    return engine.execution_options(sqlite_begin="DEFERRED", only_reads=True)


def _name_full_disk(context: ExceptionContext) -> None:
    error = context.original_exception
    if str(error) in _FULL_WORDS or getattr(error, "pgcode", None) == _FULL_CODE:
        raise StorageFullError(
            "The disk of the registry's database is full, or does not work, so nothing was "
            "written. Free some space; the same works then.",
            detail=str(error),
        ) from error


def _name_busy_file(context: ExceptionContext) -> None:
    if str(context.original_exception) == "database is locked":
        raise StorageUnavailableError(
            f"The registry's database was written to by others for all of {BUSY_SECONDS} s, so "
            "nothing was written. Try again in a moment; with so much to do, use PostgreSQL."
        ) from context.original_exception


def _give_up_in_time(
    _dialect: Dialect, _record: object, _args: object, wanted: dict[str, object]
) -> None:
    wanted.setdefault("connect_timeout", CONNECT_SECONDS)


def _choose_transactions(connection: Connection) -> None:
    """Have the driver begin transactions, or none for what only reads.

    It says nothing of this to the server, as it does of an isolation level, and a connection stays
    as it is until it is wanted otherwise: each switch lets other threads go first.
    """
    options = connection.get_execution_options()
    if "isolation_level" in options:
        return
    alone = bool(options.get("only_reads"))
    driver: Any = connection.connection.dbapi_connection
    if driver.autocommit != alone:
        driver.autocommit = alone


def _rest(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RESTS_SINCE] = time.monotonic()


def _ping_rested(
    dialect: Dialect, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Have a connection replaced whose server has gone while it rested, and all others with it."""
    if time.monotonic() - record.info.get(_RESTS_SINCE, math.inf) < REST_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin at the first write, which is too late for the lock (_begin_sqlite).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, which for this one statement SQLite does not wait for by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and asks for the write lock later does not wait for it:
    # it fails with "database is locked" as soon as another one wrote in between.
    how = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {how}")
