"""Statements that the two databases spell in their own ways.

insert(connection, videos).values(id="dQw4w9WgXcQ").on_conflict_do_nothing()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: Mapping[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can be told what to do about a row that is there already."""
    return _INSERTS[connection.dialect.name](table)
