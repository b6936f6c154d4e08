"""The migrations: up, down and up again, and the tables they leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, Table, insert, inspect, text

from dub_platform.core.glossary import Glossary
from dub_platform.core.wording import Wording
from dub_platform.registry import NewVideo, Source, SqlRegistry, migrate
from dub_platform.registry.engine import engine_at
from dub_platform.registry.migrate import downgrade, upgrade
from dub_platform.registry.tables import metadata
from tests.contracts.threads import at_once

T = TypeVar("T")
VIDEO, OTHER_VIDEO = "dQw4w9WgXcQ", "up-0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Columns:
    """The tables as code of some revision knows them: it names their columns and no others."""

    videos: Table
    dubs: Table

    @classmethod
    def of(cls, engine: Engine) -> Columns:
        known = MetaData()
        return cls(*(Table(name, known, autoload_with=engine) for name in ("videos", "dubs")))

    def insert(self, engine: Engine, video_id: str) -> None:
        now = datetime.now(timezone.utc)
        both = {"generation": 1, "created_at": now, "updated_at": now}
        video = {"id": video_id, "source": "upload", "title": "A walk", "language": "en"}
        dub = {"video_id": video_id, "language": "es", "status": "queued"}
        with engine.begin() as connection:
            connection.execute(
                insert(self.videos).values(
                    **video, **both, processing_status="queued", retry_count=0
                )
            )
            connection.execute(insert(self.dubs).values(**dub, **both))


def ask(url: str, question: Callable[[Connection], T]) -> T:
    """What the question finds in the database."""
    engine = engine_at(url)
    with engine.connect() as connection:
        answer = question(connection)
    engine.dispose()
    return answer


TABLES = ["alembic_version", "channels", "dubs", "leases", "paid_calls", "videos"]


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


def test_code_of_an_earlier_revision_runs_on_this_one(engine: Engine, database_url: str) -> None:
    """What is written without the new columns is read as saying nothing, after the step too."""
    downgrade(database_url, "0002")
    before = Columns.of(engine)
    before.insert(engine, VIDEO)
    upgrade(database_url)
    before.insert(engine, OTHER_VIDEO)
    registry = SqlRegistry(engine)
    for video_id in (VIDEO, OTHER_VIDEO):
        dub = registry.dub(video_id, "es")
        said = (dub.wording, dub.asked_anew, registry.video(video_id).channel_id)
        assert (Wording(Glossary(), None), False, None) == said


def test_a_step_down_keeps_what_was_there_before_it(engine: Engine, database_url: str) -> None:
    """The video stays, and what only the newer revision can keep is gone."""
    registry = SqlRegistry(engine)
    registry.accept(NewVideo(VIDEO, Source.YOUTUBE), ["es"], Wording(formality="formal"))
    downgrade(database_url, "0002")
    upgrade(database_url)
    assert Wording(Glossary()) == registry.dub(VIDEO, "es").wording


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
    assert [name for name in TABLES if name != "leases"] == tables(url)
