"""The event hub: one reader of the event log for all streams of this process.

    hub = Hub(log, is_ending=lambda: drain.begun)
    async with hub.running():                           # in the app's lifespan
        async with hub.listening("dQw4w9WgXcQ") as mailbox:
            event = await mailbox.receive()

However many clients listen, the process queries the database once in PAUSE_SECONDS. The mailbox of
a client that does not read fills up and is closed; the client reconnects and asks for the rest. All
mailboxes are closed when the process drains.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from dub_platform.core.errors import DubError
from dub_platform.core.service.events import Event
from dub_platform.registry.transactions.events import EventLog

PAUSE_SECONDS = 0.3
# The pause between two queries while nobody listens.
REST_SECONDS = 5.0
# More events than a video with many languages has in the few seconds that a client may be slow.
MAILBOX_SIZE = 200
MOST_AT_ONCE = MAILBOX_SIZE // 2
# After a full batch: time for clients to empty their mailboxes before the next batch.
BREATH_SECONDS = 0.02

Mailbox = MemoryObjectReceiveStream[Event]
_log = structlog.get_logger(__name__)


class Hub:
    """Hands each event to the listeners of its video. Belongs to one event loop."""

    def __init__(self, log: EventLog, is_ending: Callable[[], bool]) -> None:
        self._events = log
        self._is_ending = is_ending
        self._listeners: dict[str, set[MemoryObjectSendStream[Event]]] = defaultdict(set)
        self._position = 0
        self._begun = anyio.Event()
        self._wanted = anyio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the event log within the block, in the background."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            yield
            tasks.cancel_scope.cancel()

    @contextlib.asynccontextmanager
    async def listening(self, video_id: str) -> AsyncIterator[Mailbox]:
        """Open a mailbox for the events of a video from now on; events that are stored already may
        come too.

        The mailbox ends when the process drains, or when it is full.
        """
        await self._begun.wait()
        put, mailbox = anyio.create_memory_object_stream[Event](MAILBOX_SIZE)
        self._listeners[video_id].add(put)
        self._wanted.set()
        try:
            with put, mailbox:
                yield mailbox
        finally:
            self._forget(video_id, put)

    @property
    def clients(self) -> int:
        """The number of open mailboxes."""
        return sum(map(len, self._listeners.values()))

    async def _run(self) -> None:
        while True:
            full = await self._read()
            if self._is_ending():
                self._close_all()
            if full:
                await anyio.sleep(BREATH_SECONDS)
            elif self._listeners:
                await anyio.sleep(PAUSE_SECONDS)
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for a listener, at most REST_SECONDS."""
        self._wanted = anyio.Event()
        with anyio.move_on_after(REST_SECONDS):
            await self._wanted.wait()

    async def _read(self) -> bool:
        """Hand out the new events; return whether there may be more at once."""
        try:
            if not self._begun.is_set():
                self._position = await run_in_threadpool(self._events.newest)
                self._begun.set()
            since = self._events.since
            events = await run_in_threadpool(since, self._position, limit=MOST_AT_ONCE)
        except (DubError, SQLAlchemyError) as error:
            # The next round reads from the same position, so listeners miss nothing.
            _log.warning("the log of events cannot be read", error=repr(error))
            return False
        for event in events:
            self._hand_out(event)
        return len(events) == MOST_AT_ONCE

    def _hand_out(self, event: Event) -> None:
        self._position = event.id
        # A copy, because `_put` removes listeners whose mailbox is full.
        for put in list(self._listeners.get(event.video_id, ())):
            self._put(put, event)

    def _put(self, put: MemoryObjectSendStream[Event], event: Event) -> None:
        try:
            # Never wait here: one slow client would delay the events of all others.
            put.send_nowait(event)
        except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._forget(event.video_id, put)

    def _forget(self, video_id: str, put: MemoryObjectSendStream[Event]) -> None:
        put.close()
        self._listeners[video_id].discard(put)
        if not self._listeners[video_id]:
            del self._listeners[video_id]

    def _close_all(self) -> None:
        for video_id, listeners in list(self._listeners.items()):
            for put in list(listeners):
                self._forget(video_id, put)
