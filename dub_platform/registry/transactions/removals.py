"""Removals: what is left of a video or a dub that was removed, and how far its removal is.

    note(connection, "dQw4w9WgXcQ", generation=3)       # in the transaction that deletes its rows
    first_generation(connection, "dQw4w9WgXcQ")         # 4, once all of it is gone
    note_dub(connection, "dQw4w9WgXcQ", "es", generation=2)
    first_generation(connection, "dQw4w9WgXcQ", "es")   # 3; it is not claimed before all is gone

What is removed leaves its id and the highest generation it came to. Dagster remembers run keys for
ever, so when the same is asked for again its generations go on from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Integer,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from dub_platform.core.errors import VideoBeingRemovedError
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import dub_removals, removals, utc_now

# Made once: a statement that is made anew is looked through each time.
_OF_VIDEO = select(removals.c.generation, removals.c.cleared_at).where(
    removals.c.video_id == bindparam("id")
)
_PENDING = (
    select(removals.c.video_id)
    .where(removals.c.cleared_at.is_(None))
    .order_by(removals.c.removed_at)
    .limit(bindparam("limit", type_=Integer))
)
_PENDING_DUBS = (
    select(dub_removals.c.video_id, dub_removals.c.language)
    .where(dub_removals.c.cleared_at.is_(None))
    .order_by(dub_removals.c.removed_at)
    .limit(bindparam("limit", type_=Integer))
)


def note(connection: Connection, video_id: str, generation: int) -> None:
    """Note that the video's rows are deleted while what was made of it is still in the store."""
    values = {"generation": generation, "removed_at": utc_now(), "cleared_at": None}
    noting = insert(connection, removals).values(video_id=video_id, **values)
    noted = noting.on_conflict_do_update(index_elements=[removals.c.video_id], set_=values)
    connection.execute(noted)


def note_dub(connection: Connection, video_id: str, language: str, generation: int) -> None:
    """Note that a dub's row is deleted while what was made of it is still in the store."""
    values = {"generation": generation, "removed_at": utc_now(), "cleared_at": None}
    of_dub = {"video_id": video_id, "language": language}
    noting = insert(connection, dub_removals).values(**of_dub, **values)
    noted = noting.on_conflict_do_update(index_elements=[*dub_removals.primary_key], set_=values)
    connection.execute(noted)


def first_generation(connection: Connection, video_id: str, language: str | None = None) -> int:
    """Return the generation that a new row of this video, or of its dub in this language, begins
    with.

    Raises VideoBeingRemovedError while what was made of the video before is not gone.
    """
    of_video = _first_of_video(connection, video_id)
    if language is None:
        return of_video
    of_dub = select(dub_removals.c.generation).where(_of_dub(video_id, language))
    return max(of_video, (connection.execute(of_dub).scalar() or 0) + 1)


def newest_dub_generation(connection: Connection, video_id: str) -> int:
    """Return the highest generation of the video's removed dubs; 0 where none was removed."""
    newest = select(func.max(dub_removals.c.generation)).filter_by(video_id=video_id)
    return connection.execute(newest).scalar() or 0


def was_removed(connection: Connection, video_id: str, language: str) -> bool:
    """Tell whether this dub was there and was removed, however long ago."""
    noted = select(dub_removals.c.generation).where(_of_dub(video_id, language))
    return connection.execute(noted).first() is not None


def is_going(video_id: ColumnElement[str] | str, language: ColumnElement[str] | str) -> Exists:
    """Return the condition that something may still be there of what a removed dub was before."""
    return exists().where(_of_dub(video_id, language), dub_removals.c.cleared_at.is_(None))


def _of_dub(
    video_id: ColumnElement[str] | str, language: ColumnElement[str] | str
) -> ColumnElement[bool]:
    return and_(dub_removals.c.video_id == video_id, dub_removals.c.language == language)


def _first_of_video(connection: Connection, video_id: str) -> int:
    removed = connection.execute(_OF_VIDEO, {"id": video_id}).first()
    if removed is None:
        return 1
    if removed.cleared_at is None:
        raise VideoBeingRemovedError(
            f"The video {video_id} was removed, and a run may still be ending that worked on it. "
            "Hand it in again in a minute."
        )
    return int(removed.generation) + 1


def pending(connection: Connection, limit: int) -> Sequence[str]:
    """Return the videos of which something may still be there, the longest removed first."""
    return connection.execute(_PENDING, {"limit": limit}).scalars().all()


def pending_dubs(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """Return the dubs, as (video, language), of which something may still be there."""
    found = connection.execute(_PENDING_DUBS, {"limit": limit})
    return [(row.video_id, row.language) for row in found]


def note_dub_cleared(connection: Connection, video_id: str, language: str) -> None:
    """Note that nothing is left of the dub as it was."""
    of_dub = update(dub_removals).where(_of_dub(video_id, language))
    connection.execute(of_dub.values(cleared_at=utc_now()))


def forget_dubs(connection: Connection, video_id: str) -> None:
    """Delete what is noted of a video's dubs: all of it is removed."""
    connection.execute(delete(dub_removals).filter_by(video_id=video_id))


def note_cleared(connection: Connection, video_id: str) -> None:
    """Note that nothing is left of the video."""
    of_video = update(removals).filter_by(video_id=video_id)
    connection.execute(of_video.values(cleared_at=utc_now()))
