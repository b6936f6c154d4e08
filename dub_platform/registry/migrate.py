"""Migrations: bring the registry's schema up to this release, or take the last step back.

    upgrade("sqlite:////srv/dub/registry.sqlite")           # dub-admin migrate
    downgrade("sqlite:////srv/dub/registry.sqlite", "-1")   # dub-admin migrate down

A migration happens whole or not at all, several processes may start one at the same time, and the
release before goes on beside it. On PostgreSQL nobody waits behind a migration that waits: it asks
for a lock for LOCK_SECONDS, then lets the others through and asks again. On SQLite writers wait
for as long as all of it takes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, func, make_url, select
from sqlalchemy.exc import OperationalError

from dub_platform.core.errors import StorageUnavailableError
from dub_platform.registry.database.engine import engine_at

# Less than PostgreSQL's deadlock_timeout: of two that wait for each other, the migration gives way.
LOCK_SECONDS = 0.5
# How long a migration asks for its locks again and again.
PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 0.2
_LOCK = 0x64756273  # "dubs"; any number that no other advisory lock in the database uses


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest revision; a SQLite file is made if need be.

    Raises StorageUnavailableError when somebody holds a table for all of PATIENCE_SECONDS.
    """
    database = make_url(url)
    if database.get_backend_name() == "sqlite" and database.database:
        Path(database.database).parent.mkdir(parents=True, exist_ok=True)
    _run(url, command.upgrade, "head")


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`: an id, "-1" for one step, "base" for nothing left."""
    _run(url, command.downgrade, revision)


def _run(url: str, move: Callable[[Config, str], None], revision: str) -> None:
    engine = engine_at(url)
    alone = _alone_on_postgresql if engine.dialect.name == "postgresql" else Engine.begin
    try:
        with alone(engine) as connection:
            _move_in_time(connection, lambda: move(_config(connection), revision))
    finally:
        engine.dispose()


@contextlib.contextmanager
def _alone_on_postgresql(engine: Engine) -> Iterator[Connection]:
    """A connection that no other migrator has, outside of any transaction.

    On SQLite one transaction, which has the write lock from its beginning, is all it takes.
    """
    with engine.connect() as connection:
        # Waiting inside the database would be a transaction that an index made CONCURRENTLY waits
        # for, while the others wait for whoever makes it.
        while not connection.scalar(select(func.pg_try_advisory_lock(_LOCK))):
            connection.rollback()
            time.sleep(_PAUSE_SECONDS)
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS * 1000:.0f}ms'")
        connection.commit()
        try:
            yield connection
        finally:
            # A connection that goes back to a pool would keep both.
            connection.invalidate()


def _move_in_time(connection: Connection, move: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return move()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if time.monotonic() > deadline:
                raise _somebody_holds(error) from error
        connection.rollback()
        time.sleep(_PAUSE_SECONDS)


def _somebody_holds(error: OperationalError) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"The registry was not migrated: for {PATIENCE_SECONDS:g} s, some transaction held a table "
        "that is to change. Look for it in pg_stat_activity, and migrate again.",
        detail=str(error.orig),
    )


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "dub_platform.registry:migrations")
    return config
