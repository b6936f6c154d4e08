"""The registry on SQLite and PostgreSQL.

    registry = SqlRegistry.at("postgresql://dub@db/registry")
    registry.accept(NewVideo(id="dQw4w9WgXcQ", source=Source.YOUTUBE), ["es", "ca"])
    for work in registry.claim_dubs(limit=50, now=datetime.now(timezone.utc)): ...

Every method is one transaction. One that reads before it writes locks the video's row first
(on SQLite: the database), so two of them about the same video come one after the other. The
schema comes from `migrate.py`. Tested by `tests/contracts/test_registry.py` on both databases.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta, timezone
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

from pydantic import AwareDatetime, StringConstraints, TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Row,
    Select,
    String,
    Table,
    Update,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from dub_platform.core.access import DEFAULT_TENANT
from dub_platform.core.channels import MARK, channel_of
from dub_platform.core.edits import LineEdit
from dub_platform.core.errors import (
    ChannelNotFoundError,
    DubNotFoundError,
    InvalidRequestError,
    PreconditionFailedError,
    StorageError,
)
from dub_platform.core.languages import AUTO
from dub_platform.core.metrics import DUB, FAILED, PREPARE, PROCESSED, PROCESSING_SECONDS, Tally
from dub_platform.core.speech import Release
from dub_platform.core.wording import AS_BEFORE, Wording
from dub_platform.registry import edits as line_edits
from dub_platform.registry import events, films, leases, removals, tallies, webhooks
from dub_platform.registry.engine import engine_at, for_reading
from dub_platform.registry.port import (
    EVERY_VIDEO,
    Catalogue,
    Channel,
    Dub,
    DubState,
    DubStatus,
    NewVideo,
    Page,
    Stale,
    Video,
    VideoStatus,
    Visibility,
    Wanted,
    Whole,
    Work,
    no_video,
)
from dub_platform.registry.statements import insert
from dub_platform.registry.tables import (
    CleanJson,
    UtcDateTime,
    channels,
    dubs,
    storable,
    utc_now,
    videos,
)
from dub_platform.registry.tenants import TenantCatalogue

CLAIM_LASTS = timedelta(seconds=60)
# Long enough for a status sensor to have its say first.
SETTLED = timedelta(seconds=15)
# A video that takes its worker down with it must not go round for ever.
MOST_LOSSES = 5
# What could not begin waits so long, then twice as long each time, up to the second.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
# Of a video's own stages; those before it have made its sound.
LAST_STAGE = "transcript"

# The same words in both tables.
_QUEUED = DubStatus.QUEUED.value
_RUNNING = DubStatus.RUNNING.value
_FAILED = DubStatus.FAILED.value
_UNFINISHED = (_QUEUED, _RUNNING)

_VIDEO = tuple(videos.c[field.name].label(field.name) for field in fields(Video))
_DUB = tuple(dubs.c[field.name].label(field.name) for field in fields(Dub))
# Made once, for what is asked most: a statement that is made anew is looked through each time.
_VIDEO_OF_ID = select(*_VIDEO).where(videos.c.id == bindparam("id"))
_WHOLES = (
    select(*_VIDEO, channels.c.title, *(column.label(f"dub_{column.name}") for column in _DUB))
    .select_from(videos.outerjoin(dubs).outerjoin(channels, channels.c.id == videos.c.channel_id))
    .where(videos.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(videos.c.id, dubs.c.language)
)
_RELEASE = type_coerce(dubs.c.release, CleanJson.impl)
# What a listing tells of a release, without reading all of it; older ones say less.
_OF_RELEASE = {
    "is_released": dubs.c.release.is_not(None),
    "revision": func.coalesce(_RELEASE["revision"].as_integer(), 0),
    "version": func.coalesce(_RELEASE["version"].as_string(), ""),
    "old_edits": func.coalesce(_RELEASE["old_edits"].as_integer(), 0),
}
_DUB_STATE = tuple(
    (_OF_RELEASE[name] if name in _OF_RELEASE else dubs.c[name]).label(name)
    for name in (field.name for field in fields(DubState))
)
_CHANNEL = tuple(channels.c[field.name] for field in fields(Channel))
# In the order in which transactions take them.
_OF_VIDEO = ((videos, videos.c.id), (dubs, dubs.c.video_id))
_VIDEO_WORK = (
    videos.c.id.label("video_id"),
    cast(null(), String).label("language"),
    videos.c.generation,
    videos.c.request_id,
    videos.c.listen_only,
    false().label("film_only"),
)
_DUB_WORK = (
    dubs.c.video_id,
    dubs.c.language,
    dubs.c.generation,
    dubs.c.request_id,
    false().label("listen_only"),
    dubs.c.film_only,
)

_NOTHING_YET = {
    "status": _QUEUED,
    "stage": None,
    "error_details": None,
    "processing_started_at": None,
    "processing_completed_at": None,
    "run_id": None,
    "claimed_at": None,
    "losses": 0,
    "postponements": 0,
    "not_before": None,
    # The moment at which the statement is sent, not that at which it was written down here.
    "queued_at": bindparam("queued_now", callable_=utc_now, type_=UtcDateTime),
}
_QUEUE_VIDEO_ANEW = update(videos).values(
    **_NOTHING_YET, generation=videos.c.generation + 1, asked_anew=False
)
_QUEUE_VIDEO_AGAIN = _QUEUE_VIDEO_ANEW.values(
    retry_count=videos.c.retry_count + 1,
    processing_duration_seconds=None,
)
_QUEUE_DUB_AGAIN = update(dubs).values(
    **_NOTHING_YET, generation=dubs.c.generation + 1, asked_anew=False
)

_CURSOR = TypeAdapter(
    tuple[AwareDatetime, Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]]
)


class SqlRegistry:
    """Keeps the promises of `Registry` in an SQL database. Safe to share between threads."""

    def __init__(self, engine: Engine, reading: Engine | None = None) -> None:
        self._engine = engine
        self._reading = reading or for_reading(engine)

    @classmethod
    def at(cls, url: str) -> SqlRegistry:
        """The registry at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def of(self, tenant: str) -> Catalogue:
        return TenantCatalogue(self, tenant)

    def accept(
        self, video: NewVideo, languages: Sequence[str], wording: Wording = AS_BEFORE
    ) -> tuple[Video, bool]:
        row = {**asdict(video), "visibility": video.visibility or Visibility.PUBLIC}
        with self._engine.begin() as connection:
            begins = {"generation": removals.first_generation(connection, video.id)}
            created = _insert_missing(connection, videos, {**row, **begins})
            if not created:
                _meet_again(connection, video)
            asked = [
                language
                for language in languages
                if _queue_dub(connection, video.id, language, wording, video.request_id)
            ]
            # Nothing of it failed that is new, and it has the captions that came with it.
            again = not created and _queue_failed_video(connection, video.id, video.request_id)
            if not created:
                _take_captions(connection, video)
            told = [None] if created or again else []
            accepted = _video(connection, video.id)
            events.tell(connection, video.id, *told, *asked)
            return accepted, created

    def change(
        self, video_id: str, *, visibility: Visibility | None = None, title: str | None = None
    ) -> Video:
        with self._engine.begin() as connection:
            if visibility is not None:
                _set_visibility(connection, video_id, visibility)
            if title is not None:
                named = update(videos).where(videos.c.id == video_id).values(title=title)
                connection.execute(named)
            return _video(connection, video_id)

    def remove(self, video_id: str) -> None:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            tenant = _video(connection, video_id).tenant
            generation = _newest_generation(connection, video_id)
            removals.note(connection, video_id, generation)
            removals.forget_dubs(connection, video_id)
            line_edits.forget(connection, video_id)
            films.settle(connection, video_id)
            for table, of_video in reversed(_OF_VIDEO):
                connection.execute(delete(table).where(of_video == video_id))
            events.tell_end(connection, video_id, generation, tenant=tenant)

    def removals(self, *, limit: int) -> Sequence[str]:
        with self._reading.connect() as connection:
            return removals.pending(connection, limit)

    def removed(self, video_id: str) -> None:
        with self._engine.begin() as connection:
            removals.cleared(connection, video_id)

    def remove_dub(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> str | None:
        table, row = _row(video_id, language)
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            there = connection.execute(select(table.c.generation).where(row)).first()
            if there is None and removals.was_removed(connection, video_id, language):
                return None
            dub, film_key = _dub(connection, video_id, language, held=True), None
            removals.note_dub(connection, video_id, language, dub.generation)
            line_edits.forget(connection, video_id, language)
            connection.execute(delete(table).where(row))
            refilmed: list[str] = []
            if dub.release and (film_key := _video(connection, video_id).film_key):
                refilmed = _queue_film(connection, video_id, request_id)
            events.tell_dub_end(connection, video_id, language, dub.generation)
            events.tell(connection, video_id, *refilmed)
            return film_key

    def dub_removals(self, *, limit: int) -> Sequence[tuple[str, str]]:
        with self._reading.connect() as connection:
            return removals.pending_dubs(connection, limit)

    def dub_removed(self, video_id: str, language: str) -> None:
        with self._engine.begin() as connection:
            removals.cleared_dub(connection, video_id, language)

    def ask(
        self,
        video_id: str,
        language: str,
        wording: Wording = AS_BEFORE,
        *,
        read: Dub | None = None,
        request_id: str | None = None,
    ) -> Dub:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            if read is not None and _dub(connection, video_id, language) != read:
                raise PreconditionFailedError(
                    f"The dub of {video_id} in {language!r} changed since it was read, so nothing "
                    "was asked for: read it again, and send its new ETag as If-Match."
                )
            if _queue_dub(connection, video_id, language, wording, request_id, anew=True):
                again = _queue_failed_video(connection, video_id, request_id)
                events.tell(connection, video_id, *([None] if again else []), language)
            return _dub(connection, video_id, language)

    def video(self, video_id: str) -> Video:
        with self._reading.connect() as connection:
            return _video(connection, video_id)

    def wholes(self, video_ids: Collection[str]) -> Mapping[str, Whole]:
        with self._reading.connect() as connection:
            rows = connection.execute(_WHOLES, {"ids": list(video_ids)}).all()
        of_video = groupby(rows, key=itemgetter(0))
        return {video_id: _whole(list(its)) for video_id, its in of_video}

    def whole(self, video_id: str) -> Whole:
        found = self.wholes([video_id])
        if video_id not in found:
            raise no_video(video_id)
        return found[video_id]

    def videos(
        self,
        wanted: Wanted = EVERY_VIDEO,
        *,
        cursor: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
        tenant: str | None = None,
    ) -> Page:
        """As promised, or of one tenant's alone."""
        shown = (*_fitting(wanted), *_videos_of(tenant))
        query = _in_order(oldest_first).limit(limit + 1).where(*shown)
        if cursor is not None:
            query = query.where(_beyond(cursor, oldest_first))
        with self._reading.connect() as connection:
            found = [Video(**row._asdict()) for row in connection.execute(query)]
        first = found[:limit]
        return Page(tuple(first), _cursor(first[-1]) if len(found) > limit else None)

    def dub_states(
        self, video_ids: Sequence[str], *, tenant: str | None = None
    ) -> Mapping[str, Sequence[DubState]]:
        """As promised, or of one tenant's alone."""
        of_videos = and_(dubs.c.video_id.in_(video_ids), *_dubs_of(tenant))
        query = select(*_DUB_STATE).where(of_videos).order_by(dubs.c.video_id, dubs.c.language)
        states: dict[str, list[DubState]] = {video_id: [] for video_id in video_ids}
        with self._reading.connect() as connection:
            for row in connection.execute(query):
                states[row.video_id].append(DubState(**row._asdict()))
        return states

    def dub(self, video_id: str, language: str) -> Dub:
        with self._reading.connect() as connection:
            return _dub(connection, video_id, language)

    def dubs(self, video_id: str, *, tenant: str | None = None) -> Sequence[Dub]:
        """As promised, or of one tenant's video alone."""
        of_video = and_(dubs.c.video_id == video_id, *_dubs_of(tenant))
        query = select(*_DUB).where(of_video).order_by(dubs.c.language)
        with self._reading.connect() as connection:
            return [Dub(**row._asdict()) for row in connection.execute(query)]

    def edits(self, video_id: str, language: str | None) -> Sequence[LineEdit]:
        with self._reading.connect() as connection:
            return line_edits.of_dub(connection, video_id, language)

    def edit(
        self,
        video_id: str,
        language: str | None,
        edits: Sequence[LineEdit],
        *,
        after: int,
        request_id: str | None = None,
    ) -> bool:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            dub = language and _dub(connection, video_id, language, held=True)
            added = line_edits.append(connection, video_id, language, edits, after=after)
            if added and not dub:
                _change_words(connection, video_id, request_id)
            elif added and dub:
                asked = _asked_again(dub.status).where(_row(video_id, language)[1])
                connection.execute(asked.values(updated_at=utc_now(), request_id=request_id))
                events.tell(connection, video_id, language)
        return added

    def caption(self, video_id: str, captions_key: str, *, request_id: str | None = None) -> Video:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            if _video(connection, video_id).captions_key != captions_key:
                new = {"captions_key": captions_key, "believed": False}
                _change_words(connection, video_id, request_id, **new)
            return _video(connection, video_id)

    def name_language(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> Video:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            if _video(connection, video_id).language != language:
                # Which of a file's sounds is dubbed depends on it, so all is made anew.
                new = {"language": language, "believed": False, "listen_only": False}
                _change_words(connection, video_id, request_id, **new)
            return _video(connection, video_id)

    def believe(self, video_id: str, *, request_id: str | None = None) -> Video:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            of_video = videos.c.id == video_id
            connection.execute(update(videos).where(of_video).values(believed=True))
            failed = _QUEUE_VIDEO_AGAIN.where(of_video, videos.c.status == _FAILED)
            has_sound = _has_sound(_video(connection, video_id))
            again = failed.values(request_id=request_id, listen_only=has_sound)
            if connection.execute(again).rowcount:
                events.tell(connection, video_id, None, *_queue_unbegun(connection, video_id))
            return _video(connection, video_id)

    def was_asked_for(self, video_id: str, language: str | None = None) -> bool:
        table, row = _row(video_id, language)
        if language is not None:
            row = and_(row, ~removals.is_going(video_id, language))
        with self._reading.connect() as connection:
            return connection.execute(select(table.c.generation).where(row)).first() is not None

    def channel(self, channel_id: str) -> Channel:
        with self._reading.connect() as connection:
            return _channel(connection, channel_id)

    def channels(
        self, *, after: str = "", limit: int = 50, tenant: str | None = None
    ) -> Sequence[Channel]:
        """As promised, or of one tenant's alone."""
        following = and_(channels.c.id > after, *_channels_of(tenant))
        query = select(*_CHANNEL).where(following).order_by(channels.c.id).limit(limit)
        with self._reading.connect() as connection:
            return [Channel(**row._asdict()) for row in connection.execute(query)]

    def keep_channel(
        self, channel_id: str, *, title: str | None = None, wording: Wording = AS_BEFORE
    ) -> tuple[Channel, bool]:
        given = {"title": title, "glossary": wording.glossary, "formality": wording.formality}
        said = {name: value for name, value in given.items() if value is not None}
        with self._engine.begin() as connection:
            created = _insert_missing(connection, channels, {"id": channel_id, **said})
            if said and not created:
                kept = update(channels).where(channels.c.id == channel_id)
                connection.execute(kept.values(said))
            channel = _channel(connection, channel_id)
            if said.keys() - {"title"}:
                _tell_outworded(connection, channel)
            return channel, created

    def claim_videos(self, *, limit: int, now: datetime) -> Sequence[Work]:
        return self._claimed(_DUE_VIDEOS, limit, now)

    def claim_dubs(self, *, limit: int, now: datetime) -> Sequence[Work]:
        return self._claimed(_DUE_DUBS, limit, now)

    def _claimed(self, due: Select[Any], limit: int, now: datetime) -> Sequence[Work]:
        moments = _moments(now)
        # Mostly nothing is due, and finding that out must not take SQLite's one write lock.
        with self._reading.begin() as connection:
            if connection.execute(due, {"limit": 1, **moments}).first() is None:
                return []
        with self._engine.begin() as connection:
            rows = connection.execute(due, {"limit": limit, **moments})
            claimed = [_work(row) for row in rows]
            for work in claimed:
                connection.execute(_update(work, _QUEUED).values(claimed_at=now))
        return claimed

    def hold(self, video_id: str, language: str | None, run_id: str, *, now: datetime) -> bool:
        with self._engine.begin() as connection:
            return leases.take(connection, video_id, language, run_id, now)

    def let_go(self, video_id: str, language: str | None, run_id: str) -> None:
        table, row = _row(video_id, language)
        goes_on = select(table).where(row, table.c.status == _RUNNING, table.c.run_id == run_id)
        with self._engine.begin() as connection:
            if connection.execute(goes_on).first() is None:
                leases.end(connection, video_id, language, run_id)

    def hold_all(self, video_id: str, run_id: str, *, now: datetime, at_rest: bool = True) -> bool:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            query = select(dubs.c.language).where(dubs.c.video_id == video_id)
            places = (None, *connection.execute(query).scalars())
            held = not (at_rest and events.is_unfinished(connection, video_id)) and all(
                leases.take(connection, video_id, place, run_id, now) for place in places
            )
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

    def started(self, work: Work, run_id: str) -> bool:
        # Also from failed: an operator can run a failed run again without asking again.
        begins = _update(work, *_UNFINISHED, _FAILED).values(
            status=_RUNNING, run_id=run_id, processing_started_at=utc_now(), error_details=None
        )
        table, row = _row(work.video_id, work.language)
        with self._engine.begin() as connection:
            if connection.execute(begins).rowcount:
                events.tell(connection, work.video_id, work.language)
                return True
            generation = connection.execute(select(table.c.generation).where(row)).scalar()
            return generation == work.generation

    def reached(self, video_id: str, language: str | None, stage: str) -> None:
        table, row = _row(video_id, language)
        reaches = update(table).where(row, table.c.status.in_(_UNFINISHED)).values(stage=stage)
        with self._engine.begin() as connection:
            if connection.execute(reaches).rowcount:
                events.tell(connection, video_id, language)

    def hand_over(self, work: Work) -> bool:
        with self._engine.begin() as connection:
            handed_over = _handed_over(connection, work)
            if handed_over:
                events.tell(connection, work.video_id, work.language)
            return handed_over

    def fetched(
        self, video_id: str, *, language: str | None, channel_id: str | None, channel_title: str
    ) -> Video:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            _name_language(connection, video_id, language or AUTO)
            video = _video(connection, video_id)
            if channel_id is None:
                return video
            channel = channel_of(video.tenant, channel_id)
            _meet_channel(connection, channel, channel_title)
            of_channel = update(videos).values(channel_id=channel)
            connection.execute(of_channel.where(videos.c.id == video_id))
            return _video(connection, video_id)

    def prepared(
        self,
        video_id: str,
        *,
        title: str,
        language: str,
        duration_seconds: float,
        file_size_bytes: int,
        run_id: str,
    ) -> None:
        now = utc_now()
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            leases.require(connection, video_id, None, run_id)
            video = _video(connection, video_id)
            took = _processing_seconds(video, now)
            is_prepared = update(videos).values(
                status=VideoStatus.PREPARED,
                stage=None,
                title=case((videos.c.title == "", title), else_=videos.c.title),
                language=language,
                duration_seconds=duration_seconds,
                file_size_bytes=file_size_bytes,
                processing_completed_at=now,
                processing_duration_seconds=took,
                error_details=None,
            )
            connection.execute(is_prepared.where(videos.c.id == video_id))
            tallies.add(connection, _processed(PREPARE, video, now))
            events.tell(connection, video_id, None, *_queue_unbegun(connection, video_id))
            anew = and_(videos.c.id == video_id, videos.c.asked_anew)
            if connection.execute(_QUEUE_VIDEO_ANEW.where(anew)).rowcount:
                events.tell(connection, video_id, None)

    def translated(self, video_id: str, language: str, version: str) -> None:
        row = _row(video_id, language)[1]
        other = and_(row, dubs.c.translated.is_distinct_from(version))
        with self._engine.begin() as connection:
            if connection.execute(update(dubs).where(other).values(translated=version)).rowcount:
                dub = _dub(connection, video_id, language)
                if Stale.TRANSLATION in _video(connection, video_id).stale(dub):
                    events.tell_stale(connection, video_id, language)

    def released(
        self,
        video_id: str,
        language: str,
        release: Release,
        *,
        film_key: str | None,
        beside: Mapping[str, Release],
        run_id: str,
    ) -> bool:
        with self._engine.begin() as connection:
            _lock(connection, video_id)
            leases.require(connection, video_id, language, run_id)
            video = _video(connection, video_id)
            channel = video.channel_id and _channel(connection, video.channel_id, held=True)
            dub = _dub(connection, video_id, language)
            if connection.execute(select(removals.is_going(video_id, language))).scalar():
                # It is of what was removed before it was asked for again.
                raise leases.superseded(video_id, language)
            if _released_beside(connection, video_id, language) != dict(beside):
                return False
            _release(connection, video_id, language, release)
            _note_outworded(connection, channel or None, replace(dub, release=release))
            film = update(videos).where(videos.c.id == video_id).values(film_key=film_key)
            connection.execute(film)
            films.settle(connection, video_id)
            tallies.add(connection, _processed(DUB, dub, utc_now()))
            stale = bool(video.stale(_dub(connection, video_id, language))) and not dub.asked_anew
            events.tell(connection, video_id, language, stale=stale)
            anew = and_(_row(video_id, language)[1], dubs.c.asked_anew)
            if connection.execute(_QUEUE_DUB_AGAIN.where(anew)).rowcount:
                events.tell(connection, video_id, language)
        return True

    def failed(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        reason = {"status": _FAILED, "error_details": dict(details)}
        fails = _update(work, *_UNFINISHED).values(reason)
        if work.language is None:
            fails = fails.values(last_error_at=now)
        # In this order a request that comes between the two is seen by the second.
        fails = fails.where(~_row(work.video_id, work.language)[0].c.asked_anew)
        with self._engine.begin() as connection:
            failed = connection.execute(fails).rowcount
            changed = [work.language] if _handed_over(connection, work) or failed else []
            if failed:
                leases.end(connection, work.video_id, work.language)
                tallies.add(connection, [_failure(work, details)])
                if work.language is None:
                    changed += _fail_waiting(connection, work.video_id, reason)
            events.tell(connection, work.video_id, *changed)

    def failed_by_hand(
        self,
        video_id: str,
        language: str | None,
        details: Mapping[str, Any],
        *,
        began: datetime,
        now: datetime,
    ) -> None:
        table, row = _row(video_id, language)
        of_before = or_(table.c.queued_at.is_(None), table.c.queued_at <= began)
        fails = update(table).where(row, of_before, table.c.status == _FAILED)
        fails = fails.values(error_details=dict(details))
        if language is None:
            fails = fails.values(last_error_at=now)
        with self._engine.begin() as connection:
            if connection.execute(fails).rowcount:
                tallies.add(connection, [_failure(Work(video_id, language, 0), details)])
                events.tell(connection, video_id, language, again=True)

    def lost(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        table, _ = _row(work.video_id, work.language)
        queue_again = _QUEUE_VIDEO_AGAIN if work.language is None else _QUEUE_DUB_AGAIN
        once_more = queue_again.where(_is_at(work, *_UNFINISHED), table.c.losses < MOST_LOSSES)
        with self._engine.begin() as connection:
            if connection.execute(once_more.values(losses=table.c.losses + 1)).rowcount:
                leases.end(connection, work.video_id, work.language)
                events.tell(connection, work.video_id, work.language)
                return
        self.failed(work, details, now=now)

    def postpone(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        table, _ = _row(work.video_id, work.language)
        unbegun = _is_at(work, *_UNFINISHED)
        counts = select(table.c.postponements, table.c.losses).where(unbegun).with_for_update()
        with self._engine.begin() as connection:
            found = connection.execute(counts).first()
            if found is None:
                return
            pause = min(FIRST_PAUSE * 2 ** min(found.postponements, 16), LONGEST_PAUSE)
            again = {
                **_NOTHING_YET,
                "generation": table.c.generation + 1,
                "losses": found.losses,
                "postponements": found.postponements + 1,
                "not_before": now + pause,
                "error_details": dict(details),
            }
            connection.execute(update(table).where(unbegun).values(again))
            leases.end(connection, work.video_id, work.language)
            events.tell(connection, work.video_id, work.language)

    def redo(self, work: Work, run_id: str) -> None:
        his = and_(_is_at(work, DubStatus.RELEASED), dubs.c.run_id == run_id)
        once_more = _QUEUE_DUB_AGAIN.where(his, dubs.c.losses < MOST_LOSSES)
        with self._engine.begin() as connection:
            if connection.execute(once_more.values(losses=dubs.c.losses + 1)).rowcount:
                events.tell(connection, work.video_id, work.language)

    def at_work(self, *, now: datetime) -> Collection[str]:
        with self._reading.connect() as connection:
            return leases.holders(connection, now)

    def silent(self, *, limit: int, now: datetime) -> Sequence[tuple[Work, str | None]]:
        just_now = now - SETTLED, now + SETTLED
        silent = [
            select(*columns, table.c.run_id, table.c.updated_at)
            .where(table.c.status.in_(_UNFINISHED), ~table.c.updated_at.between(*just_now))
            .where(or_(table.c.status == _RUNNING, table.c.claimed_at.is_not(None)))
            .where(~leases.held(columns[0], columns[1], now))
            for table, columns in ((videos, _VIDEO_WORK), (dubs, _DUB_WORK))
        ]
        both = union_all(*silent).subquery()
        query = select(both).order_by(both.c.updated_at).limit(limit)
        with self._reading.connect() as connection:
            return [(_work(row), row.run_id) for row in connection.execute(query)]

    def queue_owed_films(self, *, limit: int, now: datetime) -> int:
        with self._reading.connect() as connection:
            owed = films.list_owed(connection, limit)
        return sum(self._queue_owed_film(video_id, now) for video_id in owed)

    def _queue_owed_film(self, video_id: str, now: datetime) -> bool:
        with self._engine.begin() as connection:
            video = connection.execute(_VIDEO_OF_ID.with_for_update(), {"id": video_id}).first()
            if video is None or video.film_key is not None:
                films.settle(connection, video_id)
                return False
            chosen = films.choose_maker(connection, video_id, now)
            if chosen is None:
                return False
            tries = case((dubs.c.film_only, dubs.c.losses + 1), else_=0)
            at_rest = and_(_row(video_id, chosen)[1], dubs.c.status.not_in(_UNFINISHED))
            again = _QUEUE_DUB_AGAIN.values(film_only=True, losses=tries).where(at_rest)
            queued = connection.execute(again).rowcount == 1
            events.tell(connection, video_id, *[chosen] * queued)
        return queued

    def count(self, *seen: Tally) -> None:
        with self._engine.begin() as connection:
            tallies.add(connection, seen)

    def ping(self) -> None:
        try:
            with self._reading.connect() as connection:
                for table in (videos, dubs, channels):
                    connection.execute(select(table).limit(1))
        except SQLAlchemyError as error:
            raise StorageError(
                "The registry's database does not answer, or its tables are not this release's: "
                "check that it runs, and migrate it.",
                detail=str(error),
            ) from error


def _row(video_id: str, language: str | None) -> tuple[Table, ColumnElement[bool]]:
    """The table and the condition that single out a video's row, or a dub's."""
    if language is None:
        return videos, videos.c.id == video_id
    return dubs, and_(dubs.c.video_id == video_id, dubs.c.language == language)


def _is_at(work: Work, *statuses: str) -> ColumnElement[bool]:
    """The work's row, while it is of the work's generation and in one of the statuses."""
    table, row = _row(work.video_id, work.language)
    return and_(row, table.c.generation == work.generation, table.c.status.in_(statuses))


def _update(work: Work, *statuses: str) -> Update:
    table, _ = _row(work.video_id, work.language)
    return update(table).where(_is_at(work, *statuses))


def _insert_missing(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert the row unless one has its primary key; whether it was inserted."""
    inserting = insert(connection, table).values(values).on_conflict_do_nothing()
    return connection.execute(inserting).rowcount == 1


def _lock(connection: Connection, video_id: str) -> None:
    """Hold the video's row until the transaction ends. Raises VideoNotFoundError."""
    row = select(videos.c.id).where(videos.c.id == video_id).with_for_update()
    if connection.execute(row).first() is None:
        raise no_video(video_id)


def _newest_generation(connection: Connection, video_id: str) -> int:
    """The highest that the video or one of its dubs has come to."""
    generations = union_all(
        *(select(table.c.generation).where(id_column == video_id) for table, id_column in _OF_VIDEO)
    )
    found = [int(generation) for generation in connection.execute(generations).scalars()]
    return max(*found, removals.newest_dub_generation(connection, video_id))


def _video(connection: Connection, video_id: str) -> Video:
    row = connection.execute(_VIDEO_OF_ID, {"id": video_id}).first()
    if row is None:
        raise no_video(video_id)
    return Video(*row)


def _whole(rows: Sequence[Row[Any]]) -> Whole:
    """What stands in a video's rows, of which it has one for each dub."""
    end = len(_VIDEO)
    # A video without dubs is a row of its own, with nothing beside it.
    its = [Dub(*row[end + 1 :]) for row in rows if row[end + 1] is not None]
    return Whole(Video(*rows[0][:end]), its, rows[0][end])


def _dub(connection: Connection, video_id: str, language: str, *, held: bool = False) -> Dub:
    """A dub; `held` keeps its row as it is until the transaction ends."""
    query = select(*_DUB).where(_row(video_id, language)[1])
    row = connection.execute(query.with_for_update() if held else query).first()
    if row is None:
        _video(connection, video_id)
        raise DubNotFoundError(
            f"Nobody asked for video {video_id} in {language!r}: ask for that language first."
        )
    return Dub(**row._asdict())


def _videos_of(tenant: str | None) -> Iterator[ColumnElement[bool]]:
    """The conditions for a tenant's videos; none for everybody's."""
    if tenant is not None:
        yield videos.c.tenant == tenant


def _dubs_of(tenant: str | None) -> Iterator[ColumnElement[bool]]:
    if tenant is not None:
        yield exists().where(videos.c.id == dubs.c.video_id, videos.c.tenant == tenant)


def _channels_of(tenant: str | None) -> Iterator[ColumnElement[bool]]:
    if tenant == DEFAULT_TENANT:
        yield ~channels.c.id.contains(MARK)
    elif tenant is not None:
        yield channels.c.id.startswith(channel_of(tenant, ""), autoescape=True)


def _channel(connection: Connection, channel_id: str, *, held: bool = False) -> Channel:
    """A channel; `held` keeps its row as it is until the transaction ends."""
    query = select(*_CHANNEL).where(channels.c.id == channel_id)
    row = connection.execute(query.with_for_update(read=True) if held else query).first()
    if row is None:
        raise ChannelNotFoundError(
            f"There is no channel {channel_id}: it is there once a video of it was fetched, or "
            "after a PUT."
        )
    return Channel(**row._asdict())


def _tell_outworded(connection: Connection, channel: Channel) -> None:
    """Note which dubs of a channel's videos are worded otherwise than it says by now, and tell it
    of those that were not before."""
    of_channel = and_(videos.c.channel_id == channel.id, dubs.c.release.is_not(None))
    query = select(*_DUB).join_from(dubs, videos).where(of_channel)
    rows = connection.execute(query.order_by(dubs.c.video_id, dubs.c.language)).all()
    found = [Dub(**row._asdict()) for row in rows]
    for dub in [each for each in found if _note_outworded(connection, channel, each)]:
        events.tell_stale(connection, dub.video_id, dub.language)


def _note_outworded(connection: Connection, channel: Channel | None, dub: Dub) -> bool:
    """Note whether what is released of the dub is worded otherwise than it should be; whether it
    is, and was not before. What no wording was heeded for is in none."""
    wanted = (channel.wording if channel else AS_BEFORE) | dub.wording
    said = dub.release and dub.release.wording
    outworded = said is not None and said != wanted.in_language(dub.language).key
    if outworded != dub.outworded:
        row = _row(dub.video_id, dub.language)[1]
        connection.execute(update(dubs).where(row).values(outworded=outworded))
    return outworded and not dub.outworded


def _meet_channel(connection: Connection, channel_id: str, title: str) -> None:
    """A channel that a video came from, with its title unless it has one."""
    if not _insert_missing(connection, channels, {"id": channel_id, "title": title}):
        untitled = and_(channels.c.id == channel_id, channels.c.title == "")
        connection.execute(update(channels).where(untitled).values(title=title))


def _set_visibility(connection: Connection, video_id: str, visibility: Visibility) -> None:
    shown = update(videos).where(videos.c.id == video_id).values(visibility=visibility)
    connection.execute(shown)


def _name_language(connection: Connection, video_id: str, language: str) -> None:
    """Write the language of a video for which nobody has named one."""
    unknown = and_(videos.c.id == video_id, videos.c.language == AUTO)
    if language != AUTO:
        connection.execute(update(videos).where(unknown).values(language=language))


def _has_sound(video: Video) -> ColumnElement[bool]:
    """Whether what is listened to was made, so that only a transcript is wanted."""
    return literal(video.status is VideoStatus.PREPARED or video.stage == LAST_STAGE)


def _change_words(
    connection: Connection, video_id: str, request_id: str | None, **new: Any
) -> None:
    """Note that something else is said in the video, and ask for its transcript anew.

    What was released of it is stale from here on.
    """
    of_video, video = videos.c.id == video_id, _video(connection, video_id)
    status = video.status
    goes_on = status in (VideoStatus.QUEUED, VideoStatus.RUNNING)
    asked = update(videos) if goes_on else _QUEUE_VIDEO_ANEW
    changes: dict[str, Any] = {"revision": videos.c.revision + 1, "request_id": request_id}
    changes |= {"listen_only": or_(videos.c.listen_only, _has_sound(video)), **new}
    if status is VideoStatus.RUNNING:
        changes["asked_anew"] = True
    connection.execute(asked.where(of_video).values(changes))
    again = _queue_unbegun(connection, video_id) if status is VideoStatus.FAILED else []
    events.tell_stale(connection, video_id)
    events.tell(connection, video_id, None, *again)


def _queue_dub(
    connection: Connection,
    video_id: str,
    language: str,
    wording: Wording,
    request_id: str | None,
    *,
    anew: bool = False,
) -> bool:
    """Queue a dub that is new, failed, or asked for in another wording; whether it was any. With
    `anew` also one that is stale."""
    said, asker = wording.in_language(language), {"request_id": request_id}
    begins = {"generation": removals.first_generation(connection, video_id, language)}
    new = {"video_id": video_id, "language": language, **begins, **_columns(said), **asker}
    if _insert_missing(connection, dubs, new):
        return True
    # Its run may be ending just now: what is decided here must still be so when it is written.
    dub = _dub(connection, video_id, language, held=True)
    asked = said.over(dub.wording)
    stale = anew and (dub.status is DubStatus.RELEASED or dub.film_only)
    stale = stale and _video(connection, video_id).is_renewed(dub)
    if asked == dub.wording and dub.status is not DubStatus.FAILED and not stale:
        return False
    of_pair, columns = _row(video_id, language)[1], {**_columns(asked), **asker}
    connection.execute(_asked_again(dub.status).where(of_pair).values(columns))
    return True


def _asked_again(status: DubStatus) -> Update:
    """What becomes of a dub in this status that is to say something else, or that failed."""
    if status is DubStatus.QUEUED:
        return update(dubs).values(film_only=False)
    if status is DubStatus.RUNNING:
        return update(dubs).values(asked_anew=True, film_only=False)
    return _QUEUE_DUB_AGAIN.values(film_only=False)


def _queue_film(connection: Connection, video_id: str, request_id: str | None) -> list[str]:
    """Have a dub that is released make the film of what is left; its language, if there is one.

    One that is made anew makes it with its own release, and one that failed would no longer say of
    what: it is chosen where there is no other.
    """
    unfilmed = update(videos).where(videos.c.id == video_id).values(film_key=None)
    connection.execute(unfilmed)
    films.owe(connection, video_id)
    of_video = and_(dubs.c.video_id == video_id, dubs.c.release.is_not(None))
    query = select(dubs.c.language, dubs.c.status).where(of_video).order_by(dubs.c.language)
    rows = connection.execute(query).all()
    found = {status: language for language, status in reversed(rows)}
    chosen = found.get(DubStatus.RELEASED)
    if chosen is None and found.keys() == {DubStatus.FAILED}:
        chosen = found[DubStatus.FAILED]
    if chosen is None:
        return []
    again = _QUEUE_DUB_AGAIN.where(_row(video_id, chosen)[1])
    connection.execute(again.values(film_only=True, request_id=request_id))
    return [chosen]


def _handed_over(connection: Connection, work: Work) -> bool:
    """Queue what was asked for anew while this work on it ran; whether it was."""
    table, _ = _row(work.video_id, work.language)
    queue_again = _QUEUE_VIDEO_ANEW if work.language is None else _QUEUE_DUB_AGAIN
    anew = and_(_is_at(work, *_UNFINISHED), table.c.asked_anew)
    if not connection.execute(queue_again.where(anew)).rowcount:
        return False
    leases.end(connection, work.video_id, work.language)
    return True


def _fail_waiting(connection: Connection, video_id: str, reason: Mapping[str, Any]) -> list[str]:
    """Fail the dubs that wait for a video which failed; their languages."""
    waiting = and_(dubs.c.video_id == video_id, dubs.c.status == _QUEUED)
    fail_too = update(dubs).where(waiting).values(reason).returning(dubs.c.language)
    return sorted(connection.execute(fail_too).scalars())


def _queue_unbegun(connection: Connection, video_id: str) -> list[str]:
    """Queue the dubs that failed before they began, as with their video; their languages."""
    unbegun = and_(dubs.c.status == _FAILED, dubs.c.processing_started_at.is_(None))
    again = _QUEUE_DUB_AGAIN.where(dubs.c.video_id == video_id, unbegun)
    return sorted(connection.execute(again.returning(dubs.c.language)).scalars())


def _columns(wording: Wording) -> dict[str, Any]:
    return {"glossary": wording.glossary, "formality": wording.formality}


def _queue_failed_video(connection: Connection, video_id: str, request_id: str | None) -> bool:
    failed = and_(videos.c.id == video_id, videos.c.status == _FAILED)
    again = _QUEUE_VIDEO_AGAIN.where(failed).values(request_id=request_id, listen_only=False)
    return bool(connection.execute(again).rowcount)


def _meet_again(connection: Connection, video: NewVideo) -> None:
    """Hold the row of a video that was handed in before, and write what is said of it now.

    Raises InvalidRequestError.
    """
    _lock(connection, video.id)
    if _video(connection, video.id).tenant != video.tenant:
        raise InvalidRequestError(
            "This file cannot be taken as it is, because of what its content hashes to. "
            "Save it anew, so that it differs by a byte, and hand that in."
        )
    if video.visibility is not None:
        _set_visibility(connection, video.id, video.visibility)
    _name_language(connection, video.id, video.language)


def _take_captions(connection: Connection, video: NewVideo) -> None:
    """Use captions that came later, while no run has begun that would have to read them."""
    waits = and_(videos.c.id == video.id, videos.c.status == VideoStatus.QUEUED.value)
    if video.captions_key is not None:
        connection.execute(update(videos).where(waits).values(captions_key=video.captions_key))


def _processing_seconds(video: Video, now: datetime) -> float | None:
    # A transcript made anew for a video that was ready says nothing about how long it took.
    if video.status is VideoStatus.RUNNING and video.processing_started_at is not None:
        return (now - video.processing_started_at).total_seconds()
    return video.processing_duration_seconds


def _processed(work: str, row: Video | Dub, now: datetime) -> Iterator[Tally]:
    """What is counted when this row's work is done; nothing where it was done before."""
    if row.status in (VideoStatus.PREPARED, DubStatus.RELEASED):
        return
    yield PROCESSED.seen(1, work)
    if row.processing_started_at is not None:
        yield PROCESSING_SECONDS.seen((now - row.processing_started_at).total_seconds(), work)


def _failure(work: Work, details: Mapping[str, Any]) -> Tally:
    return FAILED.seen(1, PREPARE if work.language is None else DUB, str(details["code"]))


def _released_beside(connection: Connection, video_id: str, language: str) -> dict[str, Release]:
    """The current release of every other language of the video."""
    others = and_(dubs.c.video_id == video_id, dubs.c.language != language)
    query = select(dubs.c.language, dubs.c.release).where(others, dubs.c.release.is_not(None))
    return {row.language: row.release for row in connection.execute(query)}


def _release(connection: Connection, video_id: str, language: str, release: Release) -> None:
    is_released = update(dubs).values(
        status=DubStatus.RELEASED,
        stage=None,
        film_only=False,
        release=release,
        processing_completed_at=utc_now(),
        error_details=None,
    )
    connection.execute(is_released.where(_row(video_id, language)[1]))


def _work(row: Row[Any]) -> Work:
    return Work(
        row.video_id,
        row.language,
        row.generation,
        row.request_id,
        row.listen_only,
        row.film_only,
    )


def _due(table: Table) -> ColumnElement[bool]:
    """Of a queued row, at the `_moments` that the statement is executed with."""
    claimed_at, not_before = table.c.claimed_at, table.c.not_before
    # What a clock wrote that was ahead, and was set right, holds for no longer than it could.
    lapsed = or_(claimed_at <= bindparam("lapsed"), claimed_at > bindparam("claimed_ahead"))
    passed = or_(not_before <= bindparam("now"), not_before > bindparam("waits_ahead"))
    unclaimed, has_waited = or_(claimed_at.is_(None), lapsed), or_(not_before.is_(None), passed)
    return and_(table.c.status == _QUEUED, unclaimed, has_waited)


def _moments(now: datetime) -> Mapping[str, datetime]:
    return {
        "now": now,
        "lapsed": now - CLAIM_LASTS,
        "claimed_ahead": now + CLAIM_LASTS,
        "waits_ahead": now + LONGEST_PAUSE,
    }


# Made once, since they are asked several times a second. Both skip rows that someone else holds:
# what is being claimed is taken, and a claim that waits while it holds other rows could end in a
# deadlock.
_DUE_VIDEOS = (
    select(*_VIDEO_WORK)
    .where(_due(videos))
    .order_by(videos.c.created_at, videos.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)
_DUE_DUBS = (
    select(*_DUB_WORK)
    .join_from(dubs, videos)
    .where(_due(dubs), videos.c.status == VideoStatus.PREPARED)
    .where(~removals.is_going(dubs.c.video_id, dubs.c.language))
    .order_by(dubs.c.created_at, dubs.c.video_id, dubs.c.language)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=dubs, skip_locked=True)
)


def _in_order(oldest_first: bool) -> Select[Any]:
    place = (videos.c.created_at, videos.c.id)
    return select(*_VIDEO).order_by(
        *(place if oldest_first else (column.desc() for column in place))
    )


def _fitting(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.status is not None:
        yield videos.c.status == wanted.status
    if wanted.language is not None or wanted.dub_status is not None:
        of_video = select(dubs.c.video_id).where(dubs.c.video_id == videos.c.id)
        if wanted.language is not None:
            of_video = of_video.where(dubs.c.language == wanted.language)
        if wanted.dub_status is not None:
            of_video = of_video.where(dubs.c.status == wanted.dub_status)
        yield of_video.exists()
    if search := storable(wanted.search):
        yield or_(
            videos.c.title.icontains(search, autoescape=True),
            videos.c.id.startswith(search, autoescape=True),
        )


def _cursor(last: Video) -> str:
    return urlsafe_b64encode(_CURSOR.dump_json((last.created_at, last.id))).decode()


def _beyond(cursor: str, oldest_first: bool) -> ColumnElement[bool]:
    """What a listing has after the row the cursor was made from. Raises InvalidRequestError."""
    try:
        created_at, video_id = _CURSOR.validate_json(b64decode(cursor, b"-_", validate=True))
        created_at = created_at.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise InvalidRequestError(
            "This cursor is not one that a listing gave: start without a cursor, and go on with "
            "the one that each page names."
        ) from error
    last = tuple_(literal(created_at, UtcDateTime), literal(video_id))
    place = tuple_(videos.c.created_at, videos.c.id)
    return place > last if oldest_first else place < last
