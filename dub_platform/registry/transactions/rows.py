"""Reading and locking rows: what every transaction of the registry begins with.

lock(connection, "dQw4w9WgXcQ")                     # nobody else changes it meanwhile
video = read_video(connection, "dQw4w9WgXcQ")       # VideoNotFoundError where there is none
table, row = identify("dQw4w9WgXcQ", "es")          # where a dub stands
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Update, and_, bindparam, select, update

from dub_platform.core.errors import DubNotFoundError
from dub_platform.core.languages import AUTO
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import dubs, videos
from dub_platform.registry.records import Dub, DubStatus, Video, Work, no_video

# The same words in both tables.
QUEUED = DubStatus.QUEUED.value
RUNNING = DubStatus.RUNNING.value
FAILED = DubStatus.FAILED.value
UNFINISHED = (QUEUED, RUNNING)

VIDEO_COLUMNS = tuple(videos.c[field.name].label(field.name) for field in fields(Video))
DUB_COLUMNS = tuple(dubs.c[field.name].label(field.name) for field in fields(Dub))
# Made once, for what is asked most: a statement that is made anew is looked through each time.
VIDEO_OF_ID = select(*VIDEO_COLUMNS).where(videos.c.id == bindparam("id"))
# In the order in which transactions take them.
OF_VIDEO = ((videos, videos.c.id), (dubs, dubs.c.video_id))


def identify(video_id: str, language: str | None) -> tuple[Table, ColumnElement[bool]]:
    """Return the table and the condition that single out a video's row, or a dub's."""
    if language is None:
        return videos, videos.c.id == video_id
    return dubs, and_(dubs.c.video_id == video_id, dubs.c.language == language)


def is_at(work: Work, *statuses: str) -> ColumnElement[bool]:
    """Return the condition for the work's row, while it has the work's generation and one of the
    statuses."""
    table, row = identify(work.video_id, work.language)
    return and_(row, table.c.generation == work.generation, table.c.status.in_(statuses))


def update_at(work: Work, *statuses: str) -> Update:
    """Return an UPDATE of the work's row under the condition of `is_at`."""
    table, _ = identify(work.video_id, work.language)
    return update(table).where(is_at(work, *statuses))


def insert_missing(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert the row unless one has its primary key; return whether it was inserted."""
    inserting = insert(connection, table).values(values).on_conflict_do_nothing()
    return connection.execute(inserting).rowcount == 1


def lock(connection: Connection, video_id: str) -> None:
    """Hold the video's row until the transaction ends. Raises VideoNotFoundError."""
    row = select(videos.c.id).where(videos.c.id == video_id).with_for_update()
    if connection.execute(row).first() is None:
        raise no_video(video_id)


def read_video(connection: Connection, video_id: str) -> Video:
    row = connection.execute(VIDEO_OF_ID, {"id": video_id}).first()
    if row is None:
        raise no_video(video_id)
    return Video(*row)


def read_dub(connection: Connection, video_id: str, language: str, *, held: bool = False) -> Dub:
    """Return a dub; `held` locks its row until the transaction ends. Raises VideoNotFoundError or
    DubNotFoundError."""
    query = select(*DUB_COLUMNS).where(identify(video_id, language)[1])
    row = connection.execute(query.with_for_update() if held else query).first()
    if row is None:
        read_video(connection, video_id)
        raise DubNotFoundError(
            f"Nobody asked for video {video_id} in {language!r}: ask for that language first."
        )
    return Dub(**row._asdict())


def set_unknown_language(connection: Connection, video_id: str, language: str) -> None:
    """Write the language of a video for which nobody has named one."""
    unknown = and_(videos.c.id == video_id, videos.c.language == AUTO)
    if language != AUTO:
        connection.execute(update(videos).where(unknown).values(language=language))
