"""Dagster's storage in production: PostgreSQL, wherever the environment says that it is.

Named in `dagster.yaml`. The `DAGSTER_POSTGRES_` variables name a database of its own. Where there
are none, as on a platform that gives a service one `DATABASE_URL`, it is a schema of the registry's
database: both keep the number of their last migration in a table of the same name.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster import Field
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage import sql
from dagster._serdes import ConfigurableClassData
from dagster_postgres import utils
from dagster_postgres.storage import DagsterPostgresStorage
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateSchema

from dub_platform.settings import WrongSettingError, with_full_name
from dub_platform.variables import read_variable

# A database of Dagster's own: all of these, or none.
OWN_DATABASE = tuple(
    f"DAGSTER_POSTGRES_{part}" for part in ("HOST", "PORT", "USER", "PASSWORD", "DB")
)
SCHEMA = "dagster"


class PlatformStorage(DagsterPostgresStorage):
    """PostgreSQL with the address from the environment."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What `dagster.yaml` may say: only whether tables are made when something is opened."""
        return {"should_autocreate_tables": Field(bool, is_required=False, default_value=True)}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> DagsterPostgresStorage:
        """The storage. Raises WrongSettingError where nothing says where PostgreSQL is."""
        url = find_database(os.environ)
        return DagsterPostgresStorage(
            postgres_url=url.render_as_string(hide_password=False),
            should_autocreate_tables=config_value["should_autocreate_tables"],
            inst_data=inst_data,
        )


def read_migrations_once() -> None:
    """Let this process remember what Dagster's last migrations are called.

    Dagster asks alembic whenever it opens a storage, which a code server does for every tick of a
    sensor, and alembic then reads and runs the files of all migrations.
    """
    sql.ScriptDirectory = _Remembered  # type: ignore[attr-defined]


def share_engines() -> None:
    """Let all that this process opens of one PostgreSQL database connect by the same engines.

    Dagster opens its storage anew for every tick of a sensor and every run, with an engine for
    each of its three parts. A new engine asks the server what it is, and SQLAlchemy keeps what the
    last 128 of them have asked: half a megabyte for each run, until there are so many.
    """
    utils.create_engine = _create_or_share  # type: ignore[attr-defined, assignment]


def _create_or_share(url: str, **options: Any) -> Engine:
    # Engines of this kind hold no connection, so who has one and disposes of it disturbs nobody.
    # Dagster's webserver makes others, and listens to them.
    without_pool = options.get("poolclass") is NullPool
    return _shared_engine(url, **options) if without_pool else sql.create_engine(url, **options)


@functools.cache
def _shared_engine(url: str, **options: Any) -> Engine:
    return sql.create_engine(url, **options)


class _Remembered(ScriptDirectory):
    _known: ClassVar[dict[str, ScriptDirectory]] = {}

    @classmethod
    def from_config(cls, config: Config) -> ScriptDirectory:
        place = str(config.get_main_option("script_location"))
        if place not in cls._known:
            cls._known[place] = super().from_config(config)
        return cls._known[place]


def find_database(environment: Mapping[str, str]) -> URL:
    """Where Dagster keeps what it is told; a schema that is not there yet is made.

    Raises WrongSettingError where nothing names a PostgreSQL.
    """
    host, port, user, password, name = (environment.get(each) or None for each in OWN_DATABASE)
    if name:
        return URL.create("postgresql", user, password, host, int(port or 5432), name)
    said = read_variable(environment, "DUB_DATABASE_URL")
    url = make_url(with_full_name(said)) if said else None
    if url is None or url.get_backend_name() != "postgresql":
        raise WrongSettingError(
            "Nothing says where Dagster keeps its runs. Set DUB_DATABASE_URL (or DATABASE_URL) to "
            "a PostgreSQL database, or the DAGSTER_POSTGRES_ variables to one of its own."
        )
    _make_schema(url)
    return url.update_query_dict({"options": f"-csearch_path={SCHEMA}"})


@functools.cache
def _make_schema(url: URL) -> None:
    """Make Dagster's schema where there is none, once: every tick of a sensor opens a storage."""
    engine = create_engine(url)
    try:
        # Two services that start at once may both find none.
        with suppress(IntegrityError), engine.begin() as connection:
            connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
    finally:
        engine.dispose()
