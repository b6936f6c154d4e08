"""Owed films: a film was withdrawn with a dub that was removed, and none has taken its place.

    owe(connection, "dQw4w9WgXcQ")          # in the transaction that withdraws the film
    settle(connection, "dQw4w9WgXcQ")       # in the one that makes another current
    choose_maker(connection, "dQw4w9WgXcQ", now)    # "ca", once no run will make the film by itself

The run that was to make it can fail, as can the run of a dub that was being made anew and would
have made it with its release.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, select

from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import dubs, owed_films, utc_now, videos
from dub_platform.registry.records import DubStatus, VideoStatus

# Each run that makes a film has tried three times before it fails.
MOST_TRIES = 5
PAUSE = timedelta(minutes=10)
_GOES_ON = (DubStatus.QUEUED, DubStatus.RUNNING)


def owe(connection: Connection, video_id: str) -> None:
    """Note that the video is without the film that it had."""
    noting = insert(connection, owed_films).values(video_id=video_id, owed_since=utc_now())
    connection.execute(noting.on_conflict_do_nothing())


def settle(connection: Connection, video_id: str) -> None:
    """Note that nobody has to make the video's film any more."""
    connection.execute(delete(owed_films).where(owed_films.c.video_id == video_id))


def list_owed(connection: Connection, limit: int) -> Sequence[str]:
    """Return the ids of prepared videos whose film is owed, the longest first."""
    query = select(owed_films.c.video_id).join(videos, videos.c.id == owed_films.c.video_id)
    query = query.where(videos.c.status == VideoStatus.PREPARED)
    return connection.execute(query.order_by(owed_films.c.owed_since).limit(limit)).scalars().all()


def choose_maker(connection: Connection, video_id: str, now: datetime) -> str | None:
    """Return the language of the dub that is to make the owed film; None while it has to wait.

    A released dub is chosen before one that failed, which would no longer say of what. Where each
    has failed to make the film five times, nobody has to any more.
    """
    columns = (dubs.c.language, dubs.c.status, dubs.c.film_only, dubs.c.losses, dubs.c.updated_at)
    released = and_(dubs.c.video_id == video_id, dubs.c.release.is_not(None))
    rows = connection.execute(select(*columns).where(released)).all()
    if any(row.status in _GOES_ON for row in rows):
        return None
    makers = [row for row in rows if not row.film_only or row.losses < MOST_TRIES]
    if not makers:
        settle(connection, video_id)
    rested = [row for row in makers if not row.film_only or row.updated_at <= now - PAUSE]
    rested.sort(key=lambda row: (row.status is DubStatus.FAILED, row.losses, row.language))
    return rested[0].language if rested else None
