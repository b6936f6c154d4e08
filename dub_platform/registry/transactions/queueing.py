"""Queueing: what becomes of a video's or a dub's row that is asked for, or asked for anew.

    queue_dub(connection, "dQw4w9WgXcQ", "es", wording, request_id)     # True where it waits now
    change_words(connection, "dQw4w9WgXcQ", request_id)                 # other words are said

What is queued again is of a new generation, because run keys carry it. What runs goes on to its
next step and is queued then, so two runs never write the same. The caller holds the video's row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    literal,
    or_,
    select,
    update,
)

from dub_platform.core.style.wording import Wording
from dub_platform.registry.database.tables import UtcDateTime, dubs, utc_now, videos
from dub_platform.registry.records import DubStatus, Video, VideoStatus
from dub_platform.registry.transactions import events, films, removals
from dub_platform.registry.transactions.rows import (
    FAILED,
    QUEUED,
    identify,
    insert_missing,
    read_dub,
    read_video,
)

# Of a video's own stages; those before it have made its sound.
LAST_STAGE = "transcript"

NOTHING_YET = {
    "status": QUEUED,
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
QUEUE_VIDEO_ANEW = update(videos).values(
    **NOTHING_YET, generation=videos.c.generation + 1, asked_anew=False
)
# Again is after a failure and counted; anew is for other words, and no try of the same.
QUEUE_VIDEO_AGAIN = QUEUE_VIDEO_ANEW.values(
    retry_count=videos.c.retry_count + 1,
    processing_duration_seconds=None,
)
QUEUE_DUB_AGAIN = update(dubs).values(
    **NOTHING_YET, generation=dubs.c.generation + 1, asked_anew=False
)


def queue_dub(
    connection: Connection,
    video_id: str,
    language: str,
    wording: Wording,
    request_id: str | None,
    *,
    anew: bool = False,
) -> bool:
    """Queue a dub that is new, failed, or asked for in another wording, with `anew` also one that
    is stale; return whether it was any of these."""
    said, asker = wording.in_language(language), {"request_id": request_id}
    begins = {"generation": removals.first_generation(connection, video_id, language)}
    new = {"video_id": video_id, "language": language, **begins, **_columns_of(said), **asker}
    # Inserted or found, but never looked for first: of two requests at once one finds the row.
    if insert_missing(connection, dubs, new):
        return True
    # Its run may be ending just now: what is decided here must still be so when it is written.
    dub = read_dub(connection, video_id, language, held=True)
    asked = said.over(dub.wording)
    stale = anew and (dub.status is DubStatus.RELEASED or dub.film_only)
    stale = stale and read_video(connection, video_id).is_renewed(dub)
    if asked == dub.wording and dub.status is not DubStatus.FAILED and not stale:
        return False
    of_pair, columns = identify(video_id, language)[1], {**_columns_of(asked), **asker}
    connection.execute(ask_again(dub.status).where(of_pair).values(columns))
    return True


def ask_again(status: DubStatus) -> Update:
    """Return the UPDATE of a dub in this status that is to say something else, or that failed."""
    # It has not begun: the run that is coming reads what it is to say.
    if status is DubStatus.QUEUED:
        return update(dubs).values(film_only=False)
    # Its run ends before its next step and queues it then, so two runs never write the same.
    if status is DubStatus.RUNNING:
        return update(dubs).values(asked_anew=True, film_only=False)
    return QUEUE_DUB_AGAIN.values(film_only=False)


def _columns_of(wording: Wording) -> dict[str, Any]:
    return {"glossary": wording.glossary, "formality": wording.formality}


def queue_failed_video(connection: Connection, video_id: str, request_id: str | None) -> bool:
    """Queue the video if it failed; return whether it had."""
    failed = and_(videos.c.id == video_id, videos.c.status == FAILED)
    again = QUEUE_VIDEO_AGAIN.where(failed).values(request_id=request_id, listen_only=False)
    return bool(connection.execute(again).rowcount)


def queue_unbegun(connection: Connection, video_id: str) -> list[str]:
    """Queue the dubs that failed before they began, as with their video; return their languages."""
    unbegun = and_(dubs.c.status == FAILED, dubs.c.processing_started_at.is_(None))
    again = QUEUE_DUB_AGAIN.where(dubs.c.video_id == video_id, unbegun)
    return sorted(connection.execute(again.returning(dubs.c.language)).scalars())


def queue_film(connection: Connection, video_id: str, request_id: str | None) -> list[str]:
    """Have a dub that is released make the film of what is left; return its language in a list, or
    an empty one.

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
        # One that is queued or running makes the film with its release.
        return []
    again = QUEUE_DUB_AGAIN.where(identify(video_id, chosen)[1])
    connection.execute(again.values(film_only=True, request_id=request_id))
    return [chosen]


def change_words(connection: Connection, video_id: str, request_id: str | None, **new: Any) -> None:
    """Note that something else is said in the video, and ask for its transcript anew.

    What was released of it is stale from here on.
    """
    of_video, video = videos.c.id == video_id, read_video(connection, video_id)
    status = video.status
    # A video that waits is read when its run begins; one that runs is told by `asked_anew`.
    goes_on = status in (VideoStatus.QUEUED, VideoStatus.RUNNING)
    asked = update(videos) if goes_on else QUEUE_VIDEO_ANEW
    changes: dict[str, Any] = {"revision": videos.c.revision + 1, "request_id": request_id}
    changes |= {"listen_only": or_(videos.c.listen_only, has_sound(video)), **new}
    if status is VideoStatus.RUNNING:
        changes["asked_anew"] = True
    connection.execute(asked.where(of_video).values(changes))
    again = queue_unbegun(connection, video_id) if status is VideoStatus.FAILED else []
    events.tell_stale(connection, video_id)
    events.tell(connection, video_id, None, *again)


def has_sound(video: Video) -> ColumnElement[bool]:
    """Return whether what is listened to was made, so that only a transcript is wanted."""
    return literal(video.status is VideoStatus.PREPARED or video.stage == LAST_STAGE)
