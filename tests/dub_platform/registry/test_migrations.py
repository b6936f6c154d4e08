"""The migrations: up, down and up again, and the tables they leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text

from dub_platform.registry import NewVideo, Source, SqlRegistry, migrate
from dub_platform.registry.engine import engine_at
from dub_platform.registry.migrate import downgrade, upgrade
from dub_platform.registry.tables import metadata
from tests.contracts.threads import at_once

T = TypeVar("T")


def ask(url: str, question: Callable[[Connection], T]) -> T:
    """What the question finds in the database."""
    engine = engine_at(url)
    with engine.connect() as connection:
        answer = question(connection)
    engine.dispose()
    return answer


TABLES = ["alembic_version", "dubs", "leases", "paid_calls", "videos"]


def tables(url: str) -> list[str]:
    return ask(url, lambda connection: sorted(inspect(connection).get_table_names()))


def trigger_functions(connection: Connection) -> list[str]:
    query = text("SELECT proname FROM pg_proc WHERE prorettype = 'trigger'::regtype")
    return [name for (name,) in connection.execute(query) if name.startswith("keep_")]


def test_up_down_and_up_again(database_url: str) -> None:
    """Going down leaves nothing but Alembic's own table, and up works after it."""
    upgrade(database_url)
    assert TABLES == tables(database_url)
    downgrade(database_url, "base")
    assert ["alembic_version"] == tables(database_url)
    upgrade(database_url)
    assert TABLES == tables(database_url)


def test_up_keeps_what_is_there(engine: Engine, database_url: str) -> None:
    """Migrating a database that is up to date changes nothing in it."""
    SqlRegistry(engine).accept(NewVideo("dQw4w9WgXcQ", Source.YOUTUBE), ["es"])
    upgrade(database_url)
    assert SqlRegistry(engine).was_asked_for("dQw4w9WgXcQ", "es")


def test_the_migrations_make_the_tables_that_the_code_expects(engine: Engine) -> None:
    """Alembic finds no difference between the migrated schema and the metadata."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert [] == compare_metadata(context, metadata)


def test_many_processes_may_migrate_at_once(database_url: str) -> None:
    """One does it, and the others find it done."""
    assert [None] * 4 == at_once([lambda: upgrade(database_url)] * 4)
    assert TABLES == tables(database_url)


def test_postgresql_keeps_updated_at_whoever_writes(postgres_url: str) -> None:
    """An UPDATE from outside moves `updated_at` too, and the way down takes the trigger along."""
    upgrade(postgres_url)
    engine = engine_at(postgres_url)
    registry = SqlRegistry(engine)
    accepted, _ = registry.accept(NewVideo("dQw4w9WgXcQ", Source.YOUTUBE), [])
    with engine.begin() as connection:
        connection.execute(text("UPDATE videos SET title = 'By hand', updated_at = created_at"))
    assert accepted.updated_at < registry.video("dQw4w9WgXcQ").updated_at
    engine.dispose()
    downgrade(postgres_url, "base")
    assert [] == ask(postgres_url, trigger_functions)


def test_the_command_goes_up_by_default_and_one_step_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command migrates the registry of the settings, and makes its folder."""
    url = f"sqlite:///{tmp_path / 'new' / 'registry.sqlite'}"
    monkeypatch.setenv("DUB_DATABASE_URL", url)
    migrate.main([])
    assert TABLES == tables(url)
    migrate.main(["down"])
    assert ["alembic_version", "dubs", "paid_calls", "videos"] == tables(url)
