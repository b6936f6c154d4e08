"""Removals: what is left of a video that was removed, and how far its removal is.

    note(connection, "dQw4w9WgXcQ", generation=3)       # in the transaction that deletes its rows
    first_generation(connection, "dQw4w9WgXcQ")         # 4, once all of it is gone

A removed video leaves its id and the highest generation it came to. Dagster remembers run keys for
ever, so when the same video is handed in again its generations go on from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from dub_platform.core.errors import VideoBeingRemovedError
from dub_platform.registry.statements import insert
from dub_platform.registry.tables import removals, utc_now

# Made once: a statement that is made anew is looked through each time.
_OF_VIDEO = select(removals.c.generation, removals.c.cleared_at).where(
    removals.c.video_id == bindparam("id")
)


def note(connection: Connection, video_id: str, generation: int) -> None:
    """The video's rows are deleted; what was made of it is still there."""
    values = {"generation": generation, "removed_at": utc_now(), "cleared_at": None}
    noting = insert(connection, removals).values(video_id=video_id, **values)
    noted = noting.on_conflict_do_update(index_elements=[removals.c.video_id], set_=values)
    connection.execute(noted)


def first_generation(connection: Connection, video_id: str) -> int:
    """The generation that a new row of this video begins with.

    Raises VideoBeingRemovedError while what was made of it before is not gone.
    """
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
    """The videos of which something may still be there, the longest removed first."""
    query = select(removals.c.video_id).where(removals.c.cleared_at.is_(None))
    return connection.execute(query.order_by(removals.c.removed_at).limit(limit)).scalars().all()


def cleared(connection: Connection, video_id: str) -> None:
    """Nothing of it is there any more."""
    of_video = update(removals).filter_by(video_id=video_id)
    connection.execute(of_video.values(cleared_at=utc_now()))
