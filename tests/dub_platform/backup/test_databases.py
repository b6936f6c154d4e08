"""Databases: copied while they are used, and put back as they were."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, make_url, text

from dub_platform.backup.databases import (
    PostgresDatabase,
    SqliteFolder,
    dagster_database,
    database_at,
)
from dub_platform.core.errors import BackupError
from dub_platform.registry import NewVideo, Source, SqlRegistry
from dub_platform.registry.database.engine import engine_at
from dub_platform.storage import find_database

VIDEO = "dQw4w9WgXcQ"


def dumped(url: str, into: Path) -> Mapping[str, Path]:
    into.mkdir(exist_ok=True)
    return dict(database_at("registry", url).dumped(into))


def handed_in(engine: Engine, video_id: str) -> None:
    SqlRegistry(engine).accept(NewVideo(video_id, Source.YOUTUBE, title="Señor 'Ñ'"), ["es"])


@pytest.mark.usefixtures("postgres_tools")
def test_what_was_copied_comes_back(engine: Engine, database_url: str, tmp_path: Path) -> None:
    """With every row, and nothing of what came after: no row, and no table of a newer release."""
    handed_in(engine, VIDEO)
    files = dumped(database_url, tmp_path / "work")
    handed_in(engine, "after000000")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_a_newer_release (id INTEGER)"))
    database_at("registry", database_url).load(files)
    registry = SqlRegistry(engine)
    assert [(VIDEO, "Señor 'Ñ'")] == [(v.id, v.title) for v in registry.videos().videos]
    assert registry.was_asked_for(VIDEO, "es")
    assert not inspect(engine).has_table("of_a_newer_release")


@pytest.mark.usefixtures("postgres_tools")
def test_a_copy_has_nothing_that_was_not_committed(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """Whoever is writing is not waited for, and writes on."""
    handed_in(engine, VIDEO)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dubs"))
        files = dumped(database_url, tmp_path / "work")
    database_at("registry", database_url).load(files)
    assert SqlRegistry(engine).was_asked_for(VIDEO, "es")


@pytest.mark.usefixtures("postgres_tools")
def test_one_database_of_both_comes_back_in_two_parts(postgres_url: str, tmp_path: Path) -> None:
    """Where Dagster has a schema of the registry's, each part leaves the other alone."""
    shared = find_database({"DATABASE_URL": postgres_url}).render_as_string(hide_password=False)
    places = {"registry": ("public", postgres_url), "dagster": ("dagster", shared)}
    engine = engine_at(postgres_url)

    def write(schema: str, content: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE IF EXISTS {schema}.alembic_version"))
            connection.execute(
                text(f"CREATE TABLE {schema}.alembic_version AS SELECT '{content}' AS v")
            )

    def read() -> list[str]:
        with engine.begin() as connection:
            rows = (
                connection.execute(text(f"SELECT v FROM {schema}.alembic_version")).scalar_one()
                for schema, _ in places.values()
            )
            return [str(row) for row in rows]

    files = {}
    for role, (schema, url) in places.items():
        write(schema, f"{role} before")
        (tmp_path / role).mkdir()
        files[role] = dict(database_at(role, url).dumped(tmp_path / role))
    for schema, _ in places.values():
        write(schema, "after")
    database_at("registry", postgres_url).load(files["registry"])
    assert ["registry before", "after"] == read()
    database_at("dagster", shared).load(files["dagster"])
    engine.dispose()
    assert ["registry before", "dagster before"] == read()


def test_every_database_below_a_folder_is_copied(tmp_path: Path) -> None:
    """Dagster makes one for each run: those that came after the copy are gone again."""
    folder, work = SqliteFolder("dagster.sqlite", tmp_path / "dagster"), tmp_path / "work"
    work.mkdir()
    for name in ("runs", "runs/one", "runs/two"):
        _sqlite(folder.root / f"{name}.db", name)
    files = {}
    for name, path in folder.dumped(work):
        files[name] = path.rename(tmp_path / name.replace("/", "+"))
    _sqlite(folder.root / "runs/one.db", "changed")
    _sqlite(folder.root / "runs/three.db", "new")
    folder.load(files)
    names = sorted(path.relative_to(folder.root).as_posix() for path in folder.root.rglob("*.db"))
    assert ["runs.db", "runs/one.db", "runs/two.db"] == names
    assert ["runs", "runs/one", "runs/two"] == [_said(folder.root / name) for name in names]


def test_a_password_is_not_among_the_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every user of a machine can read them; the tool finds it in its environment."""
    tool = tmp_path / "pg_dump"
    tool.write_text(f'#!/bin/sh\necho "$@" "($PGPASSWORD)" > {tmp_path}/said\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    url = "postgresql+psycopg2://dub:s3cr%3Ft@db:5433/registry?sslmode=require"
    list(database_at("registry", url).dumped(tmp_path))
    said = (tmp_path / "said").read_text()
    arguments, _, password = said.partition("(")
    assert "s3cr" not in arguments
    for part in ("host=db", "port=5433", "user=dub", "dbname=registry", "sslmode=require"):
        assert part in arguments
    assert "s3cr?t)\n" == password


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not on this machine's PATH"):
        dumped("postgresql://dub@db/registry", tmp_path)


@pytest.mark.usefixtures("postgres_tools")
def test_a_server_that_does_not_answer_is_said_in_the_tools_words(tmp_path: Path) -> None:
    """With the database's name, and no password."""
    url = f"postgresql://dub:s3cret@/registry?host={tmp_path}"
    with pytest.raises(BackupError, match=r"pg_dump could not .* registry\. It said: ") as caught:
        dumped(url, tmp_path)
    assert "s3cret" not in f"{caught.value.sentence}{caught.value.detail}"


def test_a_database_that_is_in_use_is_not_replaced(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform that still runs is to be stopped, and has lost nothing."""
    monkeypatch.setattr("dub_platform.backup.databases.LOCK_SECONDS", 1)
    engine = engine_at(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE takes (id INTEGER)"))
    with engine.begin() as connection:
        connection.execute(text("SELECT * FROM takes"))
        with pytest.raises(BackupError, match="Stop everything that uses it"):
            PostgresDatabase("registry.postgresql", make_url(postgres_url)).load({})
    assert inspect(engine).has_table("takes")
    engine.dispose()


def test_a_registry_that_was_never_made_is_not_saved(tmp_path: Path) -> None:
    """An empty file in its place would be taken for a backup."""
    path = tmp_path / "registry.sqlite"
    with pytest.raises(BackupError, match="There is no database at"):
        dumped(f"sqlite:///{path}", tmp_path)
    assert not path.exists()


def test_dagster_is_found_where_its_instance_keeps_it(tmp_path: Path) -> None:
    """Below the instance's own folder, where it has no server."""
    from dagster import DagsterInstance

    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        database = dagster_database(instance)
        names = [name for name, _ in database.dumped(tmp_path)]
    assert "dagster.sqlite/history/runs.db" in names


def _sqlite(path: Path, said: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = engine_at(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS said (word TEXT)"))
        connection.execute(text("DELETE FROM said"))
        connection.execute(text("INSERT INTO said VALUES (:word)"), {"word": said})
    engine.dispose()


def _said(path: Path) -> str:
    engine = engine_at(f"sqlite:///{path}")
    with engine.connect() as connection:
        word = str(connection.scalar(text("SELECT word FROM said")))
    engine.dispose()
    return word
