"""Connections: what SQLite is told, and who waits for whom."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from dub_platform.registry.engine import engine_at, for_reading

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
