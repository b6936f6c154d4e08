"""The migrations: up, down and up again, and the tables they leave."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, Table, insert, inspect, text

from dub_platform.commands import admin
from dub_platform.contracts.threads import at_once
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording
from dub_platform.registry import NewVideo, Source, SqlRegistry, migrate, migrations
from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.database.tables import metadata
from dub_platform.registry.migrate import downgrade, upgrade
from tests.dub_platform.registry.previous_release import PreviousRelease
from tests.support.patience import wait_until

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


# What docs/operation/upgrading.md promises: the lock that a migration may wait for. To it comes
# what the same transactions take on this machine without a migration.
LONGEST_WAIT_SECONDS = 5.0
# The migration after this one changes a table that is in use, and must wait for it.
CHANGES_VIDEOS = "0003"

AN_INDEX = """
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        op.create_index("ix_videos_stage", "videos", ["stage"])
        return
    with op.get_context().autocommit_block():
        op.drop_index("ix_videos_stage", if_exists=True, postgresql_concurrently=True)
        op.create_index("ix_videos_stage", "videos", ["stage"], postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index("ix_videos_stage")
"""

TABLES = [
    "alembic_version",
    "answer_uses",
    "api_keys",
    "channels",
    "deliveries",
    "dub_removals",
    "dubs",
    "events",
    "first_answers",
    "leases",
    "line_edits",
    "owed_films",
    "paid_calls",
    "removals",
    "speaking_rates",
    "tallies",
    "videos",
    "webhooks",
]


def tables(url: str) -> list[str]:
    return ask(url, lambda connection: sorted(inspect(connection).get_table_names()))


def columns(url: str, table: str) -> set[str]:
    return ask(
        url, lambda connection: {each["name"] for each in inspect(connection).get_columns(table)}
    )


def newest_revisions() -> tuple[str, str]:
    """The newest revision and the one before it."""
    scripts = ScriptDirectory(str(Path(str(migrations.__file__)).parent))
    newest, before, *_ = scripts.walk_revisions()
    return newest.revision, before.revision


def seconds(move: Callable[[], None]) -> float:
    began = time.monotonic()
    move()
    return time.monotonic() - began


def usual_wait(old: PreviousRelease) -> float:
    """The seconds of its slowest transaction while nobody migrates."""
    with old.at_work() as waits:
        wait_until(lambda: len(waits) > 100)
    return max(waits)


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
    assert [None] * 5 == at_once([lambda: upgrade(database_url)] * 5)
    assert TABLES == tables(database_url)


@pytest.mark.parametrize("videos", [500, pytest.param(50_000, marks=pytest.mark.long)])
def test_the_release_before_goes_on_while_the_registry_is_migrated(
    database_url: str, videos: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Up, down and up again: nothing it says fails, and nothing waits long."""
    newest, before = newest_revisions()
    upgrade(database_url)
    downgrade(database_url, before)
    engine = engine_at(database_url)
    old = PreviousRelease(engine)
    old.fill(videos)
    longest = LONGEST_WAIT_SECONDS + 20 * usual_wait(old)
    with old.at_work() as waits:
        for _ in range(5):
            up = seconds(lambda: upgrade(database_url))
            down = seconds(lambda: downgrade(database_url, before))
        again = seconds(lambda: upgrade(database_url))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{before} to {newest} on {engine.dialect.name}: up {up:.2f} s, down {down:.2f} s, "
            f"up again {again:.2f} s; {len(waits)} transactions meanwhile, {max(waits):.2f} s at "
            "most\n"
        )
    assert [] == old.failures
    assert max(waits) < longest
    with engine.connect() as connection:
        assert newest == MigrationContext.configure(connection).get_current_revision()
    engine.dispose()


def test_nobody_waits_behind_a_migration_that_waits(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for the table again and again until a long transaction lets go of it."""
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.2)
    upgrade(postgres_url)
    downgrade(postgres_url, CHANGES_VIDEOS)
    engine = engine_at(postgres_url)
    old = PreviousRelease(engine)
    with ThreadPoolExecutor() as pool, engine.connect() as long:
        old.fill(1)
        longest = LONGEST_WAIT_SECONDS + 20 * usual_wait(old)
        long.execute(text("SELECT * FROM videos"))
        migrating = pool.submit(upgrade, postgres_url)
        with old.at_work() as waits:
            assert wait([migrating], timeout=2.0).not_done
        long.rollback()
        migrating.result()
    assert [] == old.failures
    assert max(waits) < longest
    assert TABLES == tables(postgres_url)
    engine.dispose()


def test_a_migration_gives_up_with_a_reason(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A transaction that never ends is for somebody to look for."""
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(migrate, "PATIENCE_SECONDS", 0.3)
    upgrade(postgres_url)
    downgrade(postgres_url, CHANGES_VIDEOS)
    engine = engine_at(postgres_url)
    with engine.connect() as long:
        long.execute(text("SELECT * FROM videos"))
        monkeypatch.setenv("DUB_DATABASE_URL", postgres_url)
        assert 1 == admin.main(["migrate", "up"])
    said = capsys.readouterr().err
    assert re.search(r"some transaction held a table .* pg_stat_activity", said)
    upgrade(postgres_url)
    engine.dispose()


def test_an_index_is_made_beside_what_goes_on(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By five processes at once, on PostgreSQL outside of a transaction."""
    upgrade(database_url)
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "v9999_an_index.py").write_text(AN_INDEX.format(before=newest_revisions()[0]))
    config = migrate._config

    def with_one_more(connection: Connection) -> Config:
        made = config(connection)
        ours = Path(str(migrations.__file__)).parent / "versions"
        made.set_main_option("path_separator", "newline")
        made.set_main_option("version_locations", f"{ours}\n{versions}")
        return made

    monkeypatch.setattr(migrate, "_config", with_one_more)
    assert [None] * 5 == at_once([lambda: upgrade(database_url)] * 5)
    found = ask(database_url, lambda connection: inspect(connection).get_indexes("videos"))
    assert "ix_videos_stage" in {index["name"] for index in found}
    downgrade(database_url, "-1")
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
    assert 0 == admin.main(["migrate"])
    assert TABLES == tables(url)
    assert "owed_since" in columns(url, "owed_films")
    assert 0 == admin.main(["migrate", "down"])
    assert [table for table in TABLES if table != "owed_films"] == tables(url)
