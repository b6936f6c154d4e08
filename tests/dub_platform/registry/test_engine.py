"""Connections: what SQLite is told, and who waits for whom."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from dub_platform.core.errors import StorageFullError
from dub_platform.registry.engine import engine_at, for_reading
from tests.full_disks import no_file_beyond

COUNT = text("SELECT count(*) FROM sqlite_master")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = engine_at(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def write_lock_is_free(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=0)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("busy_timeout", 30_000), ("foreign_keys", 1)]
)
def test_sqlite_is_set_up_for_many_processes(engine: Engine, pragma: str, value: object) -> None:
    """Every connection waits for its turn, lets readers read, and minds foreign keys."""
    with engine.connect() as connection:
        assert value == connection.scalar(text(f"PRAGMA {pragma}"))


def test_a_transaction_that_may_write_takes_the_lock_first(engine: Engine, path: Path) -> None:
    """Nobody can write between its first read and its first write."""
    with engine.begin():
        assert not write_lock_is_free(path)
    assert write_lock_is_free(path)


def test_a_transaction_that_reads_leaves_the_lock_alone(engine: Engine, path: Path) -> None:
    """Readers hold up nobody, and read while another writes."""
    with for_reading(engine).connect() as reading:
        assert 0 == reading.scalar(COUNT)
        assert write_lock_is_free(path)
        with engine.begin() as writing:
            writing.execute(text("CREATE TABLE takes (id INTEGER)"))
            assert 0 == reading.scalar(COUNT)


def test_a_bare_postgresql_url_is_psycopg2s() -> None:
    """Operators write postgresql://, and the driver is the one that is shipped."""
    assert "psycopg2" == engine_at("postgresql://dub@db/registry").dialect.driver


def test_a_full_disk_under_sqlite_is_named(engine: Engine) -> None:
    """The transaction leaves nothing, and the same works when there is space."""

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE takes (id INTEGER, sound TEXT)"))
            connection.execute(text("INSERT INTO takes VALUES (1, hex(zeroblob(100000)))"))

    with engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 10"))
    with pytest.raises(StorageFullError, match="disk of the registry's database is full") as full:
        write()
    assert "database or disk is full" == full.value.detail
    with engine.connect() as connection:
        assert 0 == connection.scalar(COUNT)
        connection.execute(text("PRAGMA max_page_count = 100000"))
    write()


def test_a_disk_without_space_for_what_sqlite_shares_is_named(path: Path) -> None:
    """A process that opens the database on a full disk cannot even read it."""
    with no_file_beyond(1), pytest.raises(StorageFullError):
        engine_at(f"sqlite:///{path}").connect()


def test_a_full_disk_under_postgresql_is_named(postgres_url: str) -> None:
    """By the code that the server sends; here without a reason."""
    engine = engine_at(postgres_url)
    with engine.connect() as connection, pytest.raises(StorageFullError):
        connection.execute(text("DO $$ BEGIN RAISE disk_full; END $$"))
    engine.dispose()


def test_any_other_failure_of_a_database_is_not_a_full_disk(engine: Engine) -> None:
    """A mistake in a statement is SQLAlchemy's to tell."""
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT nothing FROM nowhere"))
