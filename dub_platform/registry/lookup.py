"""Looking up what was asked for and how far it got, on SQLite and PostgreSQL.

    lookup = SqlLookup(engine_at("postgresql://dub@db/registry"))
    lookup.video("dQw4w9WgXcQ")

Tested by `tests/contracts/test_registry.py` on both databases.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, and_, select

from dub_platform.core.text.edits import LineEdit
from dub_platform.registry.database.engine import for_reading
from dub_platform.registry.database.tables import dubs
from dub_platform.registry.records import EVERY_VIDEO, Channel, Dub, Page, Video, Wanted
from dub_platform.registry.transactions import edits as line_edits
from dub_platform.registry.transactions import removals
from dub_platform.registry.transactions.channels import read_channel
from dub_platform.registry.transactions.listing import (
    beyond,
    cursor_after,
    dubs_of,
    fitting,
    in_order,
    videos_of,
)
from dub_platform.registry.transactions.rows import DUB_COLUMNS, identify, read_dub, read_video


class SqlLookup:
    """Keeps the promises of `Lookup`; the other engines extend it.

    Every method is one transaction. What only reads has a pool of connections of its own.
    """

    def __init__(self, engine: Engine, reading: Engine | None = None) -> None:
        self._engine = engine
        self._reading = reading or for_reading(engine)

    def video(self, video_id: str) -> Video:
        with self._reading.connect() as connection:
            return read_video(connection, video_id)

    def videos(
        self,
        wanted: Wanted = EVERY_VIDEO,
        *,
        cursor: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
        tenant: str | None = None,
    ) -> Page:
        """Return the page as promised; with a `tenant`, only of that tenant's videos."""
        shown = (*fitting(wanted), *videos_of(tenant))
        # One more than is shown tells whether a page follows.
        query = in_order(oldest_first).limit(limit + 1).where(*shown)
        if cursor is not None:
            query = query.where(beyond(cursor, oldest_first))
        with self._reading.connect() as connection:
            found = [Video(**row._asdict()) for row in connection.execute(query)]
        first = found[:limit]
        return Page(tuple(first), cursor_after(first[-1]) if len(found) > limit else None)

    def dub(self, video_id: str, language: str) -> Dub:
        with self._reading.connect() as connection:
            return read_dub(connection, video_id, language)

    def dubs(self, video_id: str, *, tenant: str | None = None) -> Sequence[Dub]:
        """Return the dubs as promised; with a `tenant`, only if the video is that tenant's."""
        of_video = and_(dubs.c.video_id == video_id, *dubs_of(tenant))
        query = select(*DUB_COLUMNS).where(of_video).order_by(dubs.c.language)
        with self._reading.connect() as connection:
            return [Dub(**row._asdict()) for row in connection.execute(query)]

    def edits(self, video_id: str, language: str | None) -> Sequence[LineEdit]:
        with self._reading.connect() as connection:
            return line_edits.of_dub(connection, video_id, language)

    def channel(self, channel_id: str) -> Channel:
        with self._reading.connect() as connection:
            return read_channel(connection, channel_id)

    def was_asked_for(self, video_id: str, language: str | None = None) -> bool:
        table, row = identify(video_id, language)
        if language is not None:
            row = and_(row, ~removals.is_going(video_id, language))
        with self._reading.connect() as connection:
            return connection.execute(select(table.c.generation).where(row)).first() is not None
