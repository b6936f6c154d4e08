"""The edits of a dub's lines, or of what is said in a video: every one that was ever made, and
nothing is written over.

    for edit in of_dub(connection, "dQw4w9WgXcQ", "es"): ...
    append(connection, "dQw4w9WgXcQ", "es", edits, after=3)

What of them counts is for `dub_platform.core.text.edits` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import Connection, delete, func, insert, select

from dub_platform.core.text.edits import LineEdit
from dub_platform.registry.database.tables import line_edits

_EDIT = tuple(line_edits.c[field.name] for field in fields(LineEdit))


def of_dub(connection: Connection, video_id: str, language: str | None) -> list[LineEdit]:
    """Return all edits of a dub, or of the video itself, the oldest first."""
    query = select(*_EDIT).filter_by(**_place(video_id, language))
    rows = connection.execute(query.order_by(line_edits.c.revision))
    return [LineEdit(**row._asdict()) for row in rows]


def append(
    connection: Connection,
    video_id: str,
    language: str | None,
    edits: Sequence[LineEdit],
    *,
    after: int,
) -> bool:
    """Add these to the `after` edits that there are; return False, and add none, if there are more.

    The caller holds the row.
    """
    of_pair = _place(video_id, language)
    count = select(func.count()).select_from(line_edits).filter_by(**of_pair)
    if connection.execute(count).scalar_one() != after:
        return False
    rows = [
        {**of_pair, "revision": revision, **asdict(edit)}
        for revision, edit in enumerate(edits, after + 1)
    ]
    connection.execute(insert(line_edits), rows)
    return True


def forget(connection: Connection, video_id: str, language: str | None = None) -> None:
    """Delete the edits of a video and its dubs, or of one dub: they are their editors' words, so
    they go with what is removed."""
    place = {"video_id": video_id} if language is None else _place(video_id, language)
    connection.execute(delete(line_edits).filter_by(**place))


def _place(video_id: str, language: str | None) -> dict[str, str]:
    # A primary key has no NULL: the video itself is the one without a language.
    return {"video_id": video_id, "language": language or ""}
