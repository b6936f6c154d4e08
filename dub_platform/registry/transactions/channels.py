"""Channels: where videos come from, and what becomes of their dubs when the wording changes.

meet_channel(connection, "UC0123456789012345678901", "Harbor News")
note_outworded(connection, channel, dub)            # True where its release became stale by it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from sqlalchemy import ColumnElement, Connection, and_, select, update

from dub_platform.core.errors import ChannelNotFoundError
from dub_platform.core.service.access import DEFAULT_TENANT
from dub_platform.core.service.channels import MARK, channel_of
from dub_platform.core.style.wording import AS_BEFORE
from dub_platform.registry.database.tables import channels, dubs, videos
from dub_platform.registry.records import Channel, Dub
from dub_platform.registry.transactions import events
from dub_platform.registry.transactions.rows import DUB_COLUMNS, identify, insert_missing

CHANNEL_COLUMNS = tuple(channels.c[field.name] for field in fields(Channel))


def read_channel(connection: Connection, channel_id: str, *, held: bool = False) -> Channel:
    """Return a channel; `held` locks its row until the transaction ends. Raises
    ChannelNotFoundError."""
    query = select(*CHANNEL_COLUMNS).where(channels.c.id == channel_id)
    row = connection.execute(query.with_for_update(read=True) if held else query).first()
    if row is None:
        raise ChannelNotFoundError(
            f"There is no channel {channel_id}: it is there once a video of it was fetched, or "
            "after a PUT."
        )
    return Channel(**row._asdict())


def meet_channel(connection: Connection, channel_id: str, title: str) -> None:
    """Insert the channel that a video came from, or name it if it has no title yet."""
    if not insert_missing(connection, channels, {"id": channel_id, "title": title}):
        untitled = and_(channels.c.id == channel_id, channels.c.title == "")
        connection.execute(update(channels).where(untitled).values(title=title))


def tell_outworded(connection: Connection, channel: Channel) -> None:
    """Note which dubs of a channel's videos were released in another wording than it has by now,
    and write an event for each that was not stale for that before."""
    of_channel = and_(videos.c.channel_id == channel.id, dubs.c.release.is_not(None))
    query = select(*DUB_COLUMNS).join_from(dubs, videos).where(of_channel)
    rows = connection.execute(query.order_by(dubs.c.video_id, dubs.c.language)).all()
    found = [Dub(**row._asdict()) for row in rows]
    for dub in [each for each in found if note_outworded(connection, channel, each)]:
        events.tell_stale(connection, dub.video_id, dub.language)


def note_outworded(connection: Connection, channel: Channel | None, dub: Dub) -> bool:
    """Note whether the dub was released in another wording than it should have; return whether that
    is new. A release for which no wording was heeded is never outworded."""
    wanted = (channel.wording if channel else AS_BEFORE) | dub.wording
    said = dub.release and dub.release.wording
    outworded = said is not None and said != wanted.in_language(dub.language).key
    if outworded != dub.outworded:
        row = identify(dub.video_id, dub.language)[1]
        connection.execute(update(dubs).where(row).values(outworded=outworded))
    return outworded and not dub.outworded


def channels_of(tenant: str | None) -> Iterator[ColumnElement[bool]]:
    if tenant == DEFAULT_TENANT:
        yield ~channels.c.id.contains(MARK)
    elif tenant is not None:
        yield channels.c.id.startswith(channel_of(tenant, ""), autoescape=True)
