"""What happens to a video, while it happens: GET /videos/{id}/events as server-sent events.

    id: 17
    event: dub.released
    data: {"type": "dub.released", "timestamp": "...", "data": {"video_id": "...", ...}}

A client first gets what it has not seen: all there is, or what came after the Last-Event-ID that it
names, as browsers do when they connect again. The stream ends with `end` once nothing of the video
waits or is under way; who then connects again gets 204, which tells a browser to leave it.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import anyio
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.background.event_hub import Hub, Mailbox
from api.caller import caller_of
from api.services import Services, services_of
from dub_platform.core.errors import DubError, InvalidRequestError
from dub_platform.core.events import Event
from dub_platform.core.videos import checked_id
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.events import EventLog, Story
from dub_platform.registry.tables import utc_now

HEARTBEAT_SECONDS = 15.0
# After which a key that was revoked ends its streams, at their next event or sign of life.
KEY_SECONDS = 1.0
# A client that comes back is sent to a process that has room, and one that is gone is noticed.
LONGEST_SECONDS = 3600.0
MOST_CLIENTS = 1000

_ID = re.compile(r"[0-9]{1,18}")
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_RETRY = "retry: 3000\n\n"
_HEARTBEAT = ": nothing new\n\n"
_END = "event: end\ndata: {}\n\n"


async def video_events(request: Request) -> Response:
    """The stream of one video's events."""
    hub, services = hub_of(request), services_of(request)
    video_id, seen = checked_id(request.path_params["id"]), _last_seen(request)
    if hub.clients >= MOST_CLIENTS:
        raise HTTPException(503, headers={"retry-after": "5"})
    story = await run_in_threadpool(_story, services, video_id, seen)
    if not story.events and not story.goes_on:
        return Response(status_code=204)
    opener = Opener(services.keys, caller_of(request.scope).key_id)
    lines = _lines(hub, services.events, video_id, seen, opener)
    return StreamingResponse(lines, headers=_HEADERS, media_type="text/event-stream")


def hub_of(request: Request) -> Hub:
    """The hub of the app that got this request."""
    return cast(Hub, request.app.state.hub)


def _story(services: Services, video_id: str, seen: int) -> Story:
    """What the client has not seen. Raises VideoNotFoundError, also for another tenant's."""
    services.registry.video(video_id)
    return services.events.story(video_id, after=seen)


def _last_seen(request: Request) -> int:
    """The id of the event after which the client goes on; 0 from the beginning."""
    given = request.headers.get("last-event-id", "").strip()
    if given and not _ID.fullmatch(given):
        raise InvalidRequestError(
            "This Last-Event-ID is not one that a stream gave: leave it out to hear everything."
        )
    return int(given or 0)


@dataclass
class Opener:
    """What lets a client hear on: its key, while it is good; nothing where none are asked for."""

    keys: ApiKeys | None
    key_id: str | None
    seen_at: float = -math.inf

    async def holds(self) -> bool:
        """Whether the key is good still, or was a moment ago."""
        if self.keys is None or self.key_id is None:
            return True
        if anyio.current_time() - self.seen_at < KEY_SECONDS:
            return True
        self.seen_at = anyio.current_time()
        # While the database is away there is nothing to hear, either.
        with contextlib.suppress(DubError, SQLAlchemyError):
            return await run_in_threadpool(self.keys.opens, self.key_id, utc_now())
        return True


async def _lines(
    hub: Hub, log: EventLog, video_id: str, seen: int, opener: Opener
) -> AsyncIterator[str]:
    """What the client has not seen, and then what happens, as it is written into the stream."""
    yield _RETRY
    async with hub.listening(video_id) as mailbox:
        story = await run_in_threadpool(log.story, video_id, after=seen)
        for event in story.events:
            yield _written(event)
        if story.goes_on:
            last = story.events[-1].id if story.events else seen
            async for line in _news(mailbox, last):
                if not await opener.holds():
                    return
                yield line
        else:
            yield _END


async def _news(mailbox: Mailbox, last: int) -> AsyncIterator[str]:
    """What comes after the last event that was sent, until all is done or the mailbox ends."""
    ends = anyio.current_time() + LONGEST_SECONDS
    while anyio.current_time() < ends:
        try:
            event = await _next(mailbox)
        except anyio.EndOfStream:
            return
        if event is None:
            yield _HEARTBEAT
        elif event.id > last:
            yield _written(event)
            if event.is_last:
                yield _END
                return


async def _next(mailbox: Mailbox) -> Event | None:
    """The next event, or None when it is time for a sign of life."""
    with anyio.move_on_after(HEARTBEAT_SECONDS):
        return await mailbox.receive()
    return None


def _written(event: Event) -> str:
    # JSON has no line ends, which is all that could forge another event.
    return f"id: {event.id}\nevent: {event.type}\ndata: {json.dumps(event.told())}\n\n"
