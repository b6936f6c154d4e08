"""The log of events: written with the rows that they tell of, read by those who listen.

    tell(connection, "dQw4w9WgXcQ", None, "es")     # the last thing that a transaction does
    log = EventLog.at("sqlite:///registry.sqlite")
    log.since(4711, limit=500)                      # what happened after that one

An event is written in the transaction that changes its row, so it is there if and only if the
change is. Their ids grow in the order in which transactions commit: who has read up to one misses
nothing by asking for those after it. Tested by `tests/contracts/test_events.py` on both databases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Integer,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    union_all,
)

from dub_platform.core.errors import VideoNotFoundError
from dub_platform.core.service.events import STALE, Event, select_public_details
from dub_platform.registry import webhooks
from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.tables import dubs, events, utc_now, videos
from dub_platform.registry.records import DubStatus

_LOCK = 0x64756265  # "dube"; any number that no other advisory lock in the database uses
_UNFINISHED = (DubStatus.QUEUED.value, DubStatus.RUNNING.value)
_EVENT = tuple(events.c[field.name] for field in fields(Event))
_ALIKE = ("type", "stage", "generation")
# Made once: a statement that is made anew is looked through each time.
_STATE = ("status", "stage", "generation", "error_details")
_VIDEO_NOW = select(*(videos.c[name] for name in _STATE)).where(videos.c.id == bindparam("id"))
_DUB_NOW = select(*(dubs.c[name] for name in _STATE)).where(
    dubs.c.video_id == bindparam("id"), dubs.c.language == bindparam("spoken")
)
_LAST_TOLD = (
    select(*(events.c[name] for name in _ALIKE))
    .where(
        events.c.video_id == bindparam("id"),
        events.c.language.is_not_distinct_from(bindparam("spoken", type_=events.c.language.type)),
    )
    .order_by(events.c.id.desc())
    .limit(1)
)
_TENANT = select(videos.c.tenant).where(videos.c.id == bindparam("id"))
_WAITING = union_all(
    select(videos.c.id).where(videos.c.id == bindparam("id"), videos.c.status.in_(_UNFINISHED)),
    select(dubs.c.video_id).where(
        dubs.c.video_id == bindparam("id"),
        or_(dubs.c.status.in_(_UNFINISHED), dubs.c.asked_anew),
    ),
)
_SINCE = (
    select(*_EVENT)
    .where(events.c.id > bindparam("seen"))
    .order_by(events.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_WRITE = insert(events).returning(*_EVENT)


@dataclass(frozen=True)
class Story:
    """What happened to a video so far, and whether something of it still waits or is under way."""

    events: Sequence[Event]
    goes_on: bool


def tell(
    connection: Connection,
    video_id: str,
    *languages: str | None,
    again: bool = False,
    stale: bool = False,
) -> None:
    """Write what these rows of the video have become; None is the video itself.

    Nothing is written of a row that is as it was last told, unless it came to that `again`. Dubs
    that are `stale` from their beginning are told to be that as well. It comes last in its
    transaction: from here to the commit all others wait that have something to tell.
    """
    news = [
        row
        for row in (_become(connection, video_id, language) for language in languages)
        if row is not None and (again or not _is_told(connection, row))
    ]
    news += [{**row, "type": STALE} for row in news if stale]
    if news:
        tenant = connection.execute(_TENANT, {"id": video_id}).scalar_one()
        last = len(news) - 1
        over = not is_unfinished(connection, video_id)
        _take_turns(connection)
        told = [
            _write(connection, {**row, "is_last": over and place == last})
            for place, row in enumerate(news)
        ]
        webhooks.post(connection, told, tenant)


def tell_stale(connection: Connection, video_id: str, *languages: str) -> None:
    """Write an event for each of these dubs, or for all, that is released and not what it should
    say by now."""
    of_video = and_(dubs.c.video_id == video_id, dubs.c.status == DubStatus.RELEASED.value)
    if languages:
        of_video = and_(of_video, dubs.c.language.in_(languages))
    query = select(dubs.c.language).where(of_video).order_by(dubs.c.language)
    news = [_become(connection, video_id, each) for each in connection.execute(query).scalars()]
    if news:
        of_tenant = select(videos.c.tenant).where(videos.c.id == video_id)
        tenant = connection.execute(of_tenant).scalar_one()
        _take_turns(connection)
        stale = {"type": STALE, "is_last": False}
        told = [_write(connection, {**row, **stale}) for row in filter(None, news)]
        webhooks.post(connection, told, tenant)


def tell_end(connection: Connection, video_id: str, generation: int, *, tenant: str) -> None:
    """Write that this tenant's video was removed, up to this generation. It comes last as well."""
    _take_turns(connection)
    removed = {"type": "video.removed", "generation": generation, "is_last": True}
    webhooks.post(connection, [_write(connection, {"video_id": video_id, **removed})], tenant)


def tell_dub_end(connection: Connection, video_id: str, language: str, generation: int) -> None:
    """Write that a dub was removed, up to this generation. Its video is still there."""
    tenant = connection.execute(_TENANT, {"id": video_id}).scalar_one()
    over = not is_unfinished(connection, video_id)
    _take_turns(connection)
    removed = {"type": "dub.removed", "generation": generation, "is_last": over}
    row = {"video_id": video_id, "language": language, **removed}
    webhooks.post(connection, [_write(connection, row)], tenant)


def _write(connection: Connection, row: Mapping[str, Any]) -> Event:
    """Write an event with the present time, and return it with its id."""
    told = {**row, "created_at": utc_now()}
    written = connection.execute(_WRITE, told).one()
    return Event(**written._asdict())


def is_unfinished(connection: Connection, video_id: str) -> bool:
    """Tell whether something of the video waits or is under way."""
    return connection.execute(_WAITING, {"id": video_id}).first() is not None


def drop(connection: Connection, before: datetime, dry_run: bool) -> int:
    """Delete the events from before `before`; return how many there are. A dry run only counts."""
    past = events.c.created_at < before
    if dry_run:
        return connection.execute(select(func.count()).where(past)).scalar_one()
    return connection.execute(delete(events).where(past)).rowcount


class EventLog:
    """Reads the events of an SQL database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._reading = for_reading(engine)

    @classmethod
    def at(cls, url: str) -> EventLog:
        """Return the log at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def newest(self) -> int:
        """Return the id of the newest event; 0 where there is none."""
        with self._reading.connect() as connection:
            return connection.execute(select(func.max(events.c.id))).scalar() or 0

    def since(self, after: int, *, limit: int) -> Sequence[Event]:
        """Return the first `limit` events after the one with this id, of all videos."""
        with self._reading.connect() as connection:
            found = connection.execute(_SINCE, {"seen": after, "limit": limit})
            return [Event(**row._asdict()) for row in found]

    def story(self, video_id: str, *, after: int = 0) -> Story:
        """Return the events of one video after this one. Raises VideoNotFoundError."""
        of_video = and_(events.c.video_id == video_id, events.c.id > after)
        query = select(*_EVENT).where(of_video).order_by(events.c.id)
        with self._reading.connect() as connection:
            # Asked first: an end that comes after this is in the story, or is told later.
            goes_on = is_unfinished(connection, video_id)
            if connection.execute(select(videos.c.id).filter_by(id=video_id)).first() is None:
                raise VideoNotFoundError(f"There is no video {video_id}: hand it in first.")
            found = [Event(**row._asdict()) for row in connection.execute(query)]
        return Story(found, goes_on and not (found and found[-1].is_last))


def _become(connection: Connection, video_id: str, language: str | None) -> dict[str, Any] | None:
    """Return the row as an event tells of it; None where there is no such row."""
    found = (
        connection.execute(_VIDEO_NOW, {"id": video_id})
        if language is None
        else connection.execute(_DUB_NOW, {"id": video_id, "spoken": language})
    ).first()
    if found is None:
        return None
    return {
        "video_id": video_id,
        "language": language,
        "type": f"{'video' if language is None else 'dub'}.{found.status.value}",
        "stage": found.stage,
        "generation": found.generation,
        "error": select_public_details(found.error_details),
    }


def _is_told(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Tell whether the last event about the same says the same."""
    about = {"id": row["video_id"], "spoken": row["language"]}
    last = connection.execute(_LAST_TOLD, about).first()
    return last is not None and tuple(last) == tuple(row[name] for name in _ALIKE)


def _take_turns(connection: Connection) -> None:
    """Let one transaction at a time write events: ids are given out before a commit, and must not
    become visible in another order. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
