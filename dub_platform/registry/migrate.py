"""Migrations: bring the registry's schema up to this release, or take the last step back.

    python -m dub_platform.registry.migrate          # up, the registry of the settings
    python -m dub_platform.registry.migrate down     # one revision back

    upgrade("sqlite:////srv/dub/registry.sqlite")    # the same from Python

A migration happens whole or not at all, and several processes may start one at the same time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, make_url, select

from dub_platform.registry.engine import engine_at

_LOCK = 0x64756273  # "dubs"; any number that no other advisory lock in the database uses


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest revision; a SQLite file is made if need be."""
    database = make_url(url)
    if database.get_backend_name() == "sqlite" and database.database:
        Path(database.database).parent.mkdir(parents=True, exist_ok=True)
    _run(url, command.upgrade, "head")


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`: an id, "-1" for one step, "base" for nothing left."""
    _run(url, command.downgrade, revision)


def main(arguments: Sequence[str] | None = None) -> None:
    """Migrate the registry that the settings name."""
    from dub_platform.settings import Settings

    parser = argparse.ArgumentParser(prog="python -m dub_platform.registry.migrate")
    parser.add_argument("direction", choices=("up", "down"), nargs="?", default="up")
    direction = parser.parse_args(arguments).direction
    url = Settings.from_environment().registry_url
    if direction == "up":
        upgrade(url)
    else:
        downgrade(url, "-1")


def _run(url: str, move: Callable[[Config, str], None], revision: str) -> None:
    engine = engine_at(url)
    try:
        with engine.begin() as connection:
            _wait_for_others(connection)
            move(_config(connection), revision)
    finally:
        engine.dispose()


def _wait_for_others(connection: Connection) -> None:
    # On SQLite the transaction has the write lock already.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "dub_platform.registry:migrations")
    return config


if __name__ == "__main__":
    main()
