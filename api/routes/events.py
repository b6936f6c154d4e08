"""The events of a video as they happen: GET /videos/{id}/events, server-sent events.

    id: 17
    event: dub.released
    data: {"type": "dub.released", "timestamp": "...", "data": {"video_id": "...", ...}}

A client first gets the events it has not seen: all of them, or those after the Last-Event-ID that
it sends, as browsers do on reconnecting. The stream ends with the event `end` once no work on the
video waits or runs. A client that connects after that gets 204, which tells a browser to stop.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import AsyncIterator, Sequence
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
from api.contract.operation import EVENTS, Operation
from api.services import Services, services_of
from dub_platform.core.errors import (
    DubError,
    InvalidRequestError,
    InvalidVideoIdError,
    VideoNotFoundError,
)
from dub_platform.core.service.events import Event
from dub_platform.core.service.videos import check_video_id
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.database.tables import utc_now
from dub_platform.registry.transactions.events import EventLog, Story

HEARTBEAT_SECONDS = 15.0
# For so long a key is believed without asking the database. The stream of a revoked key ends at the
# next event or heartbeat after that.
KEY_SECONDS = 1.0
# Clients then reconnect: to a process with fewer streams, and those that are gone do not.
LONGEST_SECONDS = 3600.0
MOST_CLIENTS = 1000

_ID = re.compile(r"[0-9]{1,18}")
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_RETRY = "retry: 3000\n\n"
_HEARTBEAT = ": nothing new\n\n"
_END = "event: end\ndata: {}\n\n"


async def video_events(request: Request) -> Response:
    """Open the stream of one video's events. Raises VideoNotFoundError, InvalidRequestError."""
    hub, services = hub_of(request), services_of(request)
    video_id, seen = check_video_id(request.path_params["id"]), _last_seen(request)
    if hub.clients >= MOST_CLIENTS:
        raise HTTPException(503, headers={"retry-after": "5"})
    story = await run_in_threadpool(_story, services, video_id, seen)
    if not story.events and not story.goes_on:
        return Response(status_code=204)
    opener = StreamKey(services.keys, caller_of(request.scope).key_id)
    lines = _lines(hub, services.events, video_id, seen, opener)
    return StreamingResponse(lines, headers=_HEADERS, media_type="text/event-stream")


def hub_of(request: Request) -> Hub:
    """Return the event hub of the app that got this request."""
    return cast(Hub, request.app.state.hub)


def _story(services: Services, video_id: str, seen: int) -> Story:
    """Return the events that the client has not seen.

    Raises VideoNotFoundError, also for the video of another tenant.
    """
    services.registry.video(video_id)
    return services.events.story(video_id, after=seen)


def _last_seen(request: Request) -> int:
    """Return the id in Last-Event-ID; 0 for a client that wants all events."""
    given = request.headers.get("last-event-id", "").strip()
    if given and not _ID.fullmatch(given):
        raise InvalidRequestError(
            "This Last-Event-ID is not one that a stream gave: leave it out to hear everything."
        )
    return int(given or 0)


@dataclass
class StreamKey:
    """Watches the key that a stream was opened with, so that a revoked key ends its streams."""

    keys: ApiKeys | None
    key_id: str | None
    seen_at: float = -math.inf

    async def holds(self) -> bool:
        """Whether the key is valid; the answer may be KEY_SECONDS old.

        True where no keys are asked for.
        """
        if self.keys is None or self.key_id is None:
            return True
        if anyio.current_time() - self.seen_at < KEY_SECONDS:
            return True
        self.seen_at = anyio.current_time()
        # If the database is away, no event comes either: the stream may stay open.
        with contextlib.suppress(DubError, SQLAlchemyError):
            return await run_in_threadpool(self.keys.opens, self.key_id, utc_now())
        return True


async def _lines(
    hub: Hub, log: EventLog, video_id: str, seen: int, opener: StreamKey
) -> AsyncIterator[str]:
    """Yield the text of the stream: first the events the client has not seen, then those that
    happen."""
    yield _RETRY
    async with hub.listening(video_id) as mailbox:
        # Read after the mailbox was opened: an event in between comes twice, and `_news` drops one.
        story = await run_in_threadpool(log.story, video_id, after=seen)
        for event in story.events:
            yield _format_event(event)
        if story.goes_on:
            last = story.events[-1].id if story.events else seen
            async for line in _news(mailbox, last):
                if not await opener.holds():
                    return
                yield line
        else:
            yield _END


async def _news(mailbox: Mailbox, last: int) -> AsyncIterator[str]:
    """Yield the events after `last` and heartbeats between them, until the last event of the
    video."""
    ends = anyio.current_time() + LONGEST_SECONDS
    while anyio.current_time() < ends:
        try:
            event = await _next(mailbox)
        except anyio.EndOfStream:
            return
        if event is None:
            yield _HEARTBEAT
        elif event.id > last:
            yield _format_event(event)
            if event.is_last:
                yield _END
                return


async def _next(mailbox: Mailbox) -> Event | None:
    """Return the next event, or None when it is time for a heartbeat."""
    with anyio.move_on_after(HEARTBEAT_SECONDS):
        return await mailbox.receive()
    return None


def _format_event(event: Event) -> str:
    # A line end in the data would let a title forge an event; JSON escapes all of them.
    return f"id: {event.id}\nevent: {event.type}\ndata: {json.dumps(event.as_json())}\n\n"


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/videos/{id}/events",
        video_events,
        "What happens to a video, as server-sent events, from after Last-Event-ID",
        {200: EVENTS, 204: None},
        errors=(
            InvalidVideoIdError,
            InvalidRequestError,
            VideoNotFoundError,
        ),
        refused=(503,),
    ),
)
