"""Connections: what SQLite is told, and who waits for whom."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import StorageFullError, StorageUnavailableError
from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.registry.database.engine import MOST_CONNECTIONS, engine_at, for_reading
from dub_platform.registry.ledger import PaidCalls
from dub_platform.registry.migrate import upgrade
from dub_platform.registry.sql import SqlRegistry
from tests.support.full_disks import no_file_beyond

COUNT = text("SELECT count(*) FROM sqlite_master")
BACKENDS = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
PID = text("SELECT pg_backend_pid()")
STATE = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
# It returns once the backend is gone.
END = text("SELECT pg_terminate_backend(:pid, 60000)")
CALL = PaidCall("dQw4w9WgXcQ", "es", "voice", "espeak", "key", "line 1", 0.01)
FORK = """
import os
import sys
from sqlalchemy import text
from dub_platform.registry.database.engine import engine_at

engine = engine_at(sys.argv[1])

def backend():
    with engine.connect() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))

parents = backend()
child = os.fork()
if child:
    os.waitpid(child, 0)
    assert backend() == parents
    print("parent has its own")
else:
    assert backend() != parents
    print("child has its own", flush=True)
    os._exit(0)
"""


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


def test_everything_at_one_address_shares_an_engine(path: Path) -> None:
    """Whoever asks first, and however many threads do."""
    url = f"sqlite:///{path}"
    engines = at_once([lambda: engine_at(url)] * 16)
    assert {id(engines[0])} == {id(engine) for engine in engines}


def test_two_databases_have_two_engines(tmp_path: Path) -> None:
    """What is written into one is not in the other."""
    urls = [f"sqlite:///{tmp_path / name}" for name in ("one", "two")]
    with engine_at(urls[0]).begin() as connection:
        connection.execute(text("CREATE TABLE takes (id INTEGER)"))
    with engine_at(urls[1]).connect() as connection:
        assert 0 == connection.scalar(COUNT)


def test_a_process_has_few_connections(postgres_url: str) -> None:
    """A registry and three ledgers, with forty threads on them, are served by one pool."""
    upgrade(postgres_url)
    url = _named(postgres_url, "counted")
    registry, ledgers = SqlRegistry.at(url), [PaidCalls.at(url) for _ in range(3)]
    calls: list[Callable[[], object]] = [
        registry.ping,
        *(partial(ledger.open, CALL, Caps()) for ledger in ledgers),
    ]
    at_once(calls * 10)
    with engine_at(postgres_url).connect() as connection:
        count = connection.scalar(BACKENDS, {"name": "counted"})
    assert 1 <= count <= MOST_CONNECTIONS


def test_a_connection_that_was_lost_while_it_rested_is_replaced(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the database was started anew: whoever asks next notices nothing."""
    monkeypatch.setattr("dub_platform.registry.database.engine.REST_SECONDS", 0.0)
    engine, other = engine_at(postgres_url), engine_at(_named(postgres_url, "other"))
    with engine.connect() as connection:
        lost = connection.scalar(PID)
    with other.connect() as connection:
        connection.execute(END, {"pid": lost})
    with engine.connect() as connection:
        assert lost != connection.scalar(PID)


def test_what_only_reads_leaves_no_transaction_open(postgres_url: str) -> None:
    """And the same connection, when it writes, does so in one that can be taken back."""
    engine, other = engine_at(postgres_url), engine_at(_named(postgres_url, "other"))
    with for_reading(engine).connect() as connection, other.connect() as watching:
        pid = connection.scalar(PID)
        assert "idle" == watching.scalar(STATE, {"pid": pid})
    with engine.connect() as connection:
        assert pid == connection.scalar(PID)
        connection.execute(text("CREATE TABLE half_done (id integer)"))
    with engine.connect() as connection:
        assert not connection.scalar(text("SELECT to_regclass('half_done') IS NOT NULL"))


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, as a machine whose database hangs; libpq waits for two at least."""
    monkeypatch.setattr("dub_platform.registry.database.engine.CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = engine_at(f"postgresql://dub@127.0.0.1:{silent.getsockname()[1]}/registry")
        with pytest.raises(OperationalError, match="timeout expired"):
            hanging.connect()


def test_a_forked_process_leaves_its_parents_connections_alone(postgres_url: str) -> None:
    """It makes one of its own, and the parent goes on with the one it had."""
    command = [sys.executable, "-c", FORK, postgres_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "child has its own\nparent has its own\n" == done.stdout


def _named(url: str, application: str) -> str:
    """The same database, with a name by which its server can tell who is connected."""
    named = make_url(url).update_query_dict({"application_name": application})
    return named.render_as_string(hide_password=False)


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


def test_a_file_that_others_write_to_for_too_long_is_named(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for its lock in vain may try again."""
    monkeypatch.setattr("dub_platform.registry.database.engine.BUSY_SECONDS", 0)
    with engine.begin(), pytest.raises(StorageUnavailableError, match="written to by others"):
        engine.begin().__enter__()


def test_any_other_failure_of_a_database_is_not_a_full_disk(engine: Engine) -> None:
    """A mistake in a statement is SQLAlchemy's to tell."""
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT nothing FROM nowhere"))
