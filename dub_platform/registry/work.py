"""The queue of work on SQLite and PostgreSQL: who makes what, and what became of it.

    queue = SqlWorkQueue(engine_at("postgresql://dub@db/registry"))
    for work in queue.claim_dubs(limit=50, now=datetime.now(timezone.utc)): ...

What ends a run's work requires its lease in the transaction that commits it, so a run that was
taken for dead writes nothing more. Tested by `tests/contracts/test_registry.py` on both databases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    false,
    null,
    or_,
    select,
    union_all,
    update,
)

from dub_platform.core.languages import AUTO
from dub_platform.core.service import metrics
from dub_platform.core.service.channels import channel_of
from dub_platform.core.speech import Release
from dub_platform.registry import tallies
from dub_platform.registry.database.tables import dubs, utc_now, videos
from dub_platform.registry.lookup import SqlLookup
from dub_platform.registry.records import Dub, DubStatus, Stale, Video, VideoStatus, Work
from dub_platform.registry.transactions import events, films, leases, removals
from dub_platform.registry.transactions.channels import meet_channel, note_outworded, read_channel
from dub_platform.registry.transactions.queueing import (
    NOTHING_YET,
    QUEUE_DUB_AGAIN,
    QUEUE_VIDEO_AGAIN,
    QUEUE_VIDEO_ANEW,
    queue_unbegun,
)
from dub_platform.registry.transactions.rows import (
    FAILED,
    QUEUED,
    RUNNING,
    UNFINISHED,
    VIDEO_OF_ID,
    identify,
    is_at,
    lock,
    read_dub,
    read_video,
    set_unknown_language,
    update_at,
)

CLAIM_LASTS = timedelta(seconds=60)
# Long enough for a status sensor to have its say first.
SETTLED = timedelta(seconds=15)
# A video that takes its worker down with it must not go round for ever.
MOST_LOSSES = 5
# What could not begin waits so long, then twice as long each time, up to the second.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)

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


def _due(table: Table) -> ColumnElement[bool]:
    """Return the condition for a queued row that may be claimed, at the `_moments` of its
    statement."""
    claimed_at, not_before = table.c.claimed_at, table.c.not_before
    # What a clock wrote that was ahead, and was set right, holds for no longer than it could.
    lapsed = or_(claimed_at <= bindparam("lapsed"), claimed_at > bindparam("claimed_ahead"))
    passed = or_(not_before <= bindparam("now"), not_before > bindparam("waits_ahead"))
    unclaimed, has_waited = or_(claimed_at.is_(None), lapsed), or_(not_before.is_(None), passed)
    return and_(table.c.status == QUEUED, unclaimed, has_waited)


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


class SqlWorkQueue(SqlLookup):
    """Keeps the promises of `WorkQueue` on SQLite and PostgreSQL."""

    def claim_videos(self, *, limit: int, now: datetime) -> Sequence[Work]:
        return self._claim(_DUE_VIDEOS, limit, now)

    def claim_dubs(self, *, limit: int, now: datetime) -> Sequence[Work]:
        return self._claim(_DUE_DUBS, limit, now)

    def _claim(self, due: Select[Any], limit: int, now: datetime) -> Sequence[Work]:
        moments = _moments(now)
        # Mostly nothing is due, and finding that out must not take SQLite's one write lock.
        with self._reading.begin() as connection:
            if connection.execute(due, {"limit": 1, **moments}).first() is None:
                return []
        with self._engine.begin() as connection:
            rows = connection.execute(due, {"limit": limit, **moments})
            claimed = [_read_work(row) for row in rows]
            for work in claimed:
                connection.execute(update_at(work, QUEUED).values(claimed_at=now))
        return claimed

    def hold(self, video_id: str, language: str | None, run_id: str, *, now: datetime) -> bool:
        with self._engine.begin() as connection:
            return leases.take(connection, video_id, language, run_id, now)

    def let_go(self, video_id: str, language: str | None, run_id: str) -> None:
        table, row = identify(video_id, language)
        goes_on = select(table).where(row, table.c.status == RUNNING, table.c.run_id == run_id)
        with self._engine.begin() as connection:
            if connection.execute(goes_on).first() is None:
                leases.end(connection, video_id, language, run_id)

    def begin_work(self, work: Work, run_id: str) -> bool:
        # Also from failed: an operator can run a failed run again without asking again.
        begins = update_at(work, *UNFINISHED, FAILED).values(
            status=RUNNING, run_id=run_id, processing_started_at=utc_now(), error_details=None
        )
        table, row = identify(work.video_id, work.language)
        with self._engine.begin() as connection:
            if connection.execute(begins).rowcount:
                events.tell(connection, work.video_id, work.language)
                return True
            generation = connection.execute(select(table.c.generation).where(row)).scalar()
            return generation == work.generation

    def note_stage(self, video_id: str, language: str | None, stage: str) -> None:
        table, row = identify(video_id, language)
        reaches = update(table).where(row, table.c.status.in_(UNFINISHED)).values(stage=stage)
        with self._engine.begin() as connection:
            if connection.execute(reaches).rowcount:
                events.tell(connection, video_id, language)

    def hand_over(self, work: Work) -> bool:
        with self._engine.begin() as connection:
            handed_over = _hand_over(connection, work)
            if handed_over:
                events.tell(connection, work.video_id, work.language)
            return handed_over

    def note_source(
        self, video_id: str, *, language: str | None, channel_id: str | None, channel_title: str
    ) -> Video:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            set_unknown_language(connection, video_id, language or AUTO)
            video = read_video(connection, video_id)
            if channel_id is None:
                return video
            channel = channel_of(video.tenant, channel_id)
            meet_channel(connection, channel, channel_title)
            of_channel = update(videos).values(channel_id=channel)
            connection.execute(of_channel.where(videos.c.id == video_id))
            return read_video(connection, video_id)

    def note_prepared(
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
            lock(connection, video_id)
            leases.require(connection, video_id, None, run_id)
            video = read_video(connection, video_id)
            took = _processing_seconds(video, now)
            # A title that somebody gave stays.
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
            tallies.add(connection, _tally(metrics.PREPARE, video, now))
            events.tell(connection, video_id, None, *queue_unbegun(connection, video_id))
            anew = and_(videos.c.id == video_id, videos.c.asked_anew)
            if connection.execute(QUEUE_VIDEO_ANEW.where(anew)).rowcount:
                events.tell(connection, video_id, None)

    def note_translation(self, video_id: str, language: str, version: str) -> None:
        row = identify(video_id, language)[1]
        other = and_(row, dubs.c.translated.is_distinct_from(version))
        with self._engine.begin() as connection:
            if connection.execute(update(dubs).where(other).values(translated=version)).rowcount:
                dub = read_dub(connection, video_id, language)
                if Stale.TRANSLATION in read_video(connection, video_id).stale(dub):
                    events.tell_stale(connection, video_id, language)

    def release(
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
            lock(connection, video_id)
            leases.require(connection, video_id, language, run_id)
            video = read_video(connection, video_id)
            channel = video.channel_id and read_channel(connection, video.channel_id, held=True)
            dub = read_dub(connection, video_id, language)
            if connection.execute(select(removals.is_going(video_id, language))).scalar():
                # It is of what was removed before it was asked for again.
                raise leases.make_superseded_error(video_id, language)
            # Another language was released since the film was made: it is not in the film.
            if _read_released_beside(connection, video_id, language) != dict(beside):
                return False
            _write_release(connection, video_id, language, release)
            note_outworded(connection, channel or None, replace(dub, release=release))
            film = update(videos).where(videos.c.id == video_id).values(film_key=film_key)
            connection.execute(film)
            films.settle(connection, video_id)
            tallies.add(connection, _tally(metrics.DUB, dub, utc_now()))
            stale = bool(video.stale(read_dub(connection, video_id, language)))
            events.tell(connection, video_id, language, stale=stale and not dub.asked_anew)
            anew = and_(identify(video_id, language)[1], dubs.c.asked_anew)
            if connection.execute(QUEUE_DUB_AGAIN.where(anew)).rowcount:
                events.tell(connection, video_id, language)
        return True

    def fail(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        reason = {"status": FAILED, "error_details": dict(details)}
        fails = update_at(work, *UNFINISHED).values(reason)
        if work.language is None:
            fails = fails.values(last_error_at=now)
        # In this order a request that comes between the two is seen by the second.
        fails = fails.where(~identify(work.video_id, work.language)[0].c.asked_anew)
        with self._engine.begin() as connection:
            failed = connection.execute(fails).rowcount
            changed = [work.language] if _hand_over(connection, work) or failed else []
            if failed:
                leases.end(connection, work.video_id, work.language)
                tallies.add(connection, [_tally_failure(work, details)])
                if work.language is None:
                    changed += _fail_waiting(connection, work.video_id, reason)
            events.tell(connection, work.video_id, *changed)

    def fail_by_hand(
        self,
        video_id: str,
        language: str | None,
        details: Mapping[str, Any],
        *,
        began: datetime,
        now: datetime,
    ) -> None:
        table, row = identify(video_id, language)
        of_before = or_(table.c.queued_at.is_(None), table.c.queued_at <= began)
        fails = update(table).where(row, of_before, table.c.status == FAILED)
        fails = fails.values(error_details=dict(details))
        if language is None:
            fails = fails.values(last_error_at=now)
        with self._engine.begin() as connection:
            if connection.execute(fails).rowcount:
                tallies.add(connection, [_tally_failure(Work(video_id, language, 0), details)])
                events.tell(connection, video_id, language, again=True)

    def requeue_lost(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        table, _ = identify(work.video_id, work.language)
        queue_again = QUEUE_VIDEO_AGAIN if work.language is None else QUEUE_DUB_AGAIN
        once_more = queue_again.where(is_at(work, *UNFINISHED), table.c.losses < MOST_LOSSES)
        with self._engine.begin() as connection:
            if connection.execute(once_more.values(losses=table.c.losses + 1)).rowcount:
                leases.end(connection, work.video_id, work.language)
                events.tell(connection, work.video_id, work.language)
                return
        self.fail(work, details, now=now)

    def postpone(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        table, _ = identify(work.video_id, work.language)
        unbegun = is_at(work, *UNFINISHED)
        counts = select(table.c.postponements, table.c.losses).where(unbegun).with_for_update()
        with self._engine.begin() as connection:
            found = connection.execute(counts).first()
            if found is None:
                return
            # The exponent is bounded, or work that waits for days would overflow a timedelta.
            pause = min(FIRST_PAUSE * 2 ** min(found.postponements, 16), LONGEST_PAUSE)
            again = {
                **NOTHING_YET,
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
        his = and_(is_at(work, DubStatus.RELEASED), dubs.c.run_id == run_id)
        once_more = QUEUE_DUB_AGAIN.where(his, dubs.c.losses < MOST_LOSSES)
        with self._engine.begin() as connection:
            if connection.execute(once_more.values(losses=dubs.c.losses + 1)).rowcount:
                events.tell(connection, work.video_id, work.language)

    def at_work(self, *, now: datetime) -> Collection[str]:
        with self._reading.connect() as connection:
            return leases.holders(connection, now)

    def list_unattended(self, *, limit: int, now: datetime) -> Sequence[tuple[Work, str | None]]:
        # Also from the future, where a clock was ahead and is set right.
        just_now = now - SETTLED, now + SETTLED
        silent = [
            select(*columns, table.c.run_id, table.c.updated_at)
            .where(table.c.status.in_(UNFINISHED), ~table.c.updated_at.between(*just_now))
            .where(or_(table.c.status == RUNNING, table.c.claimed_at.is_not(None)))
            .where(~leases.is_held(columns[0], columns[1], now))
            for table, columns in ((videos, _VIDEO_WORK), (dubs, _DUB_WORK))
        ]
        both = union_all(*silent).subquery()
        query = select(both).order_by(both.c.updated_at).limit(limit)
        with self._reading.connect() as connection:
            return [(_read_work(row), row.run_id) for row in connection.execute(query)]

    def queue_owed_films(self, *, limit: int, now: datetime) -> int:
        with self._reading.connect() as connection:
            owed = films.list_owed(connection, limit)
        return sum(self._queue_owed_film(video_id, now) for video_id in owed)

    def _queue_owed_film(self, video_id: str, now: datetime) -> bool:
        with self._engine.begin() as connection:
            video = connection.execute(VIDEO_OF_ID.with_for_update(), {"id": video_id}).first()
            if video is None or video.film_key is not None:
                films.settle(connection, video_id)
                return False
            chosen = films.choose_maker(connection, video_id, now)
            if chosen is None:
                return False
            tries = case((dubs.c.film_only, dubs.c.losses + 1), else_=0)
            at_rest = and_(identify(video_id, chosen)[1], dubs.c.status.not_in(UNFINISHED))
            again = QUEUE_DUB_AGAIN.values(film_only=True, losses=tries).where(at_rest)
            queued = connection.execute(again).rowcount == 1
            events.tell(connection, video_id, *[chosen] * queued)
        return queued

    def count(self, *seen: metrics.Tally) -> None:
        with self._engine.begin() as connection:
            tallies.add(connection, seen)


def _moments(now: datetime) -> Mapping[str, datetime]:
    return {
        "now": now,
        "lapsed": now - CLAIM_LASTS,
        "claimed_ahead": now + CLAIM_LASTS,
        "waits_ahead": now + LONGEST_PAUSE,
    }


def _read_work(row: Row[Any]) -> Work:
    return Work(
        row.video_id,
        row.language,
        row.generation,
        row.request_id,
        row.listen_only,
        row.film_only,
    )


def _hand_over(connection: Connection, work: Work) -> bool:
    """Queue what was asked for anew while this work on it ran; return whether it was."""
    table, _ = identify(work.video_id, work.language)
    queue_again = QUEUE_VIDEO_ANEW if work.language is None else QUEUE_DUB_AGAIN
    anew = and_(is_at(work, *UNFINISHED), table.c.asked_anew)
    if not connection.execute(queue_again.where(anew)).rowcount:
        return False
    leases.end(connection, work.video_id, work.language)
    return True


def _fail_waiting(connection: Connection, video_id: str, reason: Mapping[str, Any]) -> list[str]:
    """Fail the dubs that wait for a video which failed; their languages."""
    waiting = and_(dubs.c.video_id == video_id, dubs.c.status == QUEUED)
    fail_too = update(dubs).where(waiting).values(reason).returning(dubs.c.language)
    return sorted(connection.execute(fail_too).scalars())


def _read_released_beside(
    connection: Connection, video_id: str, language: str
) -> dict[str, Release]:
    """The current release of every other language of the video."""
    others = and_(dubs.c.video_id == video_id, dubs.c.language != language)
    query = select(dubs.c.language, dubs.c.release).where(others, dubs.c.release.is_not(None))
    return {row.language: row.release for row in connection.execute(query)}


def _write_release(connection: Connection, video_id: str, language: str, release: Release) -> None:
    is_released = update(dubs).values(
        status=DubStatus.RELEASED,
        stage=None,
        film_only=False,
        release=release,
        processing_completed_at=utc_now(),
        error_details=None,
    )
    connection.execute(is_released.where(identify(video_id, language)[1]))


def _processing_seconds(video: Video, now: datetime) -> float | None:
    # A transcript made anew for a video that was ready says nothing about how long it took.
    if video.status is VideoStatus.RUNNING and video.processing_started_at is not None:
        return (now - video.processing_started_at).total_seconds()
    return video.processing_duration_seconds


def _tally(work: str, row: Video | Dub, now: datetime) -> Iterator[metrics.Tally]:
    """Return what is counted when this row's work is done; nothing where it was done before."""
    if row.status in (VideoStatus.PREPARED, DubStatus.RELEASED):
        return
    yield metrics.PROCESSED.tally(1, work)
    if row.processing_started_at is not None:
        took = (now - row.processing_started_at).total_seconds()
        yield metrics.PROCESSING_SECONDS.tally(took, work)


def _tally_failure(work: Work, details: Mapping[str, Any]) -> metrics.Tally:
    made = metrics.PREPARE if work.language is None else metrics.DUB
    return metrics.FAILED.tally(1, made, str(details["code"]))
