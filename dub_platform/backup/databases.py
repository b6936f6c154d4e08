"""The databases, each copied with its own tool while it is used.

    for name, path in database_at("registry", url).dumped(work): ...
    database_at("registry", url).load({name: path})

PostgreSQL by pg_dump and pg_restore, which must be of the server's version or newer; SQLite by its
own backup function, which reads what is committed and writes under the database's own locks. A copy
names the kind of the database: it is put back into one of the same kind.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psycopg2.extensions import make_dsn
from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from dub_platform.core.errors import BackupError
from dub_platform.registry.database.engine import engine_at
from dub_platform.storage import SCHEMA
from resources.system.programs import tie_to_parent

if TYPE_CHECKING:
    from dagster import DagsterInstance

# A server that is still running is asked to be stopped, not waited for.
LOCK_SECONDS = 10


class Database(Protocol):
    """What can be copied, and put back."""

    @property
    def label(self) -> str:
        """What its files are listed under: what it is for, and its kind."""
        ...

    def dumped(self, into: Path) -> Iterator[tuple[str, Path]]:
        """A name and a file in the folder `into` for each part. Raises BackupError."""
        ...

    def load(self, files: Mapping[str, Path]) -> None:
        """Replace everything by these parts, by their names. Raises BackupError."""
        ...


def database_at(role: str, url: str) -> Database:
    """The database at a SQLAlchemy URL."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return PostgresDatabase(f"{role}.postgresql", parsed)
    return SqliteFile(f"{role}.sqlite", Path(str(parsed.database)))


def dagster_database(instance: DagsterInstance) -> Database:
    """Where the instance keeps runs, events and schedules."""
    from dagster_postgres.run_storage import PostgresRunStorage

    storage = instance.run_storage
    if isinstance(storage, PostgresRunStorage):
        return database_at("dagster", storage.postgres_url)
    return SqliteFolder("dagster.sqlite", Path(instance.root_directory))


@dataclass(frozen=True)
class SqliteFile:
    """One file."""

    label: str
    path: Path

    def dumped(self, into: Path) -> Iterator[tuple[str, Path]]:
        yield self.label, _copied(self.path, into / "copy")

    def load(self, files: Mapping[str, Path]) -> None:
        _copied(files[self.label], self.path)


@dataclass(frozen=True)
class SqliteFolder:
    """Every database below a folder: Dagster makes one for the events of each run."""

    label: str
    root: Path

    def dumped(self, into: Path) -> Iterator[tuple[str, Path]]:
        for path in sorted(self.root.rglob("*.db")):
            part = path.relative_to(self.root).as_posix()
            yield f"{self.label}/{part}", _copied(path, into / "copy")

    def load(self, files: Mapping[str, Path]) -> None:
        places = {self.root / name.removeprefix(f"{self.label}/"): name for name in files}
        for other in set(self.root.rglob("*.db")) - set(places):
            other.unlink()
        for place, name in places.items():
            _copied(files[name], place)


@dataclass(frozen=True)
class PostgresDatabase:
    """One database of a server, or Dagster's schema of one that is the registry's as well."""

    label: str
    url: URL

    def dumped(self, into: Path) -> Iterator[tuple[str, Path]]:
        path = into / "dump"
        which = f"--schema={SCHEMA}" if self.is_schema else f"--exclude-schema={SCHEMA}"
        self._run("pg_dump", "--format=custom", f"--file={path}", which)
        yield self.label, path

    @property
    def is_schema(self) -> bool:
        """Whether it is the schema alone."""
        return "options" in self.url.query

    def load(self, files: Mapping[str, Path]) -> None:
        self._clear()
        self._run("pg_restore", "--single-transaction", str(files[self.label]))

    def _clear(self) -> None:
        # Table by table would leave those that only a newer release has.
        engine = engine_at(self.url.render_as_string(hide_password=False))
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                if self.is_schema:
                    # What is restored begins with making it.
                    connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA} CASCADE")
                    return
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
        except SQLAlchemyError as error:
            raise BackupError(
                f"The database {self.url.database} could not be emptied, so nothing was restored. "
                "Stop everything that uses it, and let its own user restore it.",
                detail=str(error),
            ) from error
        finally:
            engine.dispose()

    def _run(self, tool: str, *options: str) -> None:
        command = [_found(tool), *options, "--no-owner", "--no-privileges"]
        place = {**self.url.translate_connect_args(username="user", database="dbname")}
        # Other users of the machine can read a command, but no environment.
        password = {"PGPASSWORD": place.pop("password")} if self.url.password else {}
        done = subprocess.run(
            tie_to_parent([*command, f"--dbname={make_dsn(**place, **self.url.query)}"]),
            env={**os.environ, **password},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BackupError(
                f"{tool} could not do its work on the database {self.url.database}. It said: "
                f"{' '.join(done.stderr.strip().splitlines()[:1])}",
                detail=done.stderr[-4000:],
            )


def _found(tool: str) -> str:
    program = shutil.which(tool)
    if program is None:
        raise BackupError(
            f"{tool} is not on this machine's PATH. Install PostgreSQL's client, of the server's "
            "version or a newer one."
        )
    return program


def _copied(database: Path, into: Path) -> Path:
    """Make `into` what is committed in the SQLite database. Raises BackupError."""
    if not database.is_file():
        raise BackupError(f"There is no database at {database}, so there is nothing to copy yet.")
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(into)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise BackupError(
            f"The database {database} could not be copied to {into}. Look whether the disk is "
            "full, and whether something holds one of them.",
            detail=str(error),
        ) from error
    return into
