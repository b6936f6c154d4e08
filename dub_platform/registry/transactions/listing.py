"""Listing videos: which, in which order, and from where the next page goes on.

query = in_order(oldest_first=False).where(*fitting(Wanted(search="harbor")))
query.where(beyond(cursor_after(last), oldest_first=False))
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import timezone
from typing import Annotated, Any

from pydantic import AwareDatetime, StringConstraints, TypeAdapter
from sqlalchemy import ColumnElement, Select, exists, literal, or_, select, tuple_

from dub_platform.core.errors import InvalidRequestError
from dub_platform.registry.database.tables import UtcDateTime, dubs, storable, videos
from dub_platform.registry.records import Video, Wanted
from dub_platform.registry.transactions.rows import VIDEO_COLUMNS

_CURSOR = TypeAdapter(
    tuple[AwareDatetime, Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]]
)


def in_order(oldest_first: bool) -> Select[Any]:
    """Return the SELECT of all videos in the order in which a listing shows them."""
    place = (videos.c.created_at, videos.c.id)
    return select(*VIDEO_COLUMNS).order_by(
        *(place if oldest_first else (column.desc() for column in place))
    )


def fitting(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """Return the conditions that a video fits what is wanted."""
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


def cursor_after(last: Video) -> str:
    """Return the cursor of the page that follows this video."""
    return urlsafe_b64encode(_CURSOR.dump_json((last.created_at, last.id))).decode()


def beyond(cursor: str, oldest_first: bool) -> ColumnElement[bool]:
    """Return the condition for what a listing has after the row that the cursor was made from.
    Raises InvalidRequestError."""
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


def videos_of(tenant: str | None) -> Iterator[ColumnElement[bool]]:
    """Return the conditions for a tenant's videos; none for everybody's."""
    if tenant is not None:
        yield videos.c.tenant == tenant


def dubs_of(tenant: str | None) -> Iterator[ColumnElement[bool]]:
    """Return the conditions for the dubs of a tenant's videos; none for everybody's."""
    if tenant is not None:
        yield exists().where(videos.c.id == dubs.c.video_id, videos.c.tenant == tenant)
