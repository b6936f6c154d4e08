"""Maintenance on SQLite and PostgreSQL: what was removed, and what nothing refers to any more.

    maintenance = SqlMaintenance(engine_at("postgresql://dub@db/registry"))
    for video_id in maintenance.removals(limit=10): ...

Tested by `tests/contracts/test_registry.py` and `test_removals.py` on both databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from dub_platform.registry import webhooks
from dub_platform.registry.database.tables import dubs
from dub_platform.registry.lookup import SqlLookup
from dub_platform.registry.transactions import events, leases, removals
from dub_platform.registry.transactions.rows import lock


class SqlMaintenance(SqlLookup):
    """Keeps the promises of `Maintenance` on SQLite and PostgreSQL."""

    def removals(self, *, limit: int) -> Sequence[str]:
        with self._reading.connect() as connection:
            return removals.pending(connection, limit)

    def finish_removal(self, video_id: str) -> None:
        with self._engine.begin() as connection:
            removals.note_cleared(connection, video_id)

    def dub_removals(self, *, limit: int) -> Sequence[tuple[str, str]]:
        with self._reading.connect() as connection:
            return removals.pending_dubs(connection, limit)

    def finish_dub_removal(self, video_id: str, language: str) -> None:
        with self._engine.begin() as connection:
            removals.note_dub_cleared(connection, video_id, language)

    def hold_all(self, video_id: str, run_id: str, *, now: datetime, at_rest: bool = True) -> bool:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            query = select(dubs.c.language).where(dubs.c.video_id == video_id)
            places = (None, *connection.execute(query).scalars())
            held = not (at_rest and events.is_unfinished(connection, video_id)) and all(
                leases.take(connection, video_id, place, run_id, now) for place in places
            )
            # All or none: leases of a part would keep the runs of that part from starting.
            if not held:
                leases.end_all(connection, video_id, run_id)
        return held

    def let_go_all(self, video_id: str, run_id: str) -> None:
        with self._engine.begin() as connection:
            leases.end_all(connection, video_id, run_id)

    def drop_leases(self, *, before: datetime, dry_run: bool = False) -> int:
        with self._engine.begin() as connection:
            return leases.drop(connection, before, dry_run)

    def drop_events(self, *, before: datetime, dry_run: bool = False) -> int:
        with self._engine.begin() as connection:
            messages = webhooks.drop(connection, before, dry_run)
            return events.drop(connection, before, dry_run) + messages
