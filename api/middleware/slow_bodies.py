"""Time limits for clients that send or read slowly, so that they do not hold what others need.

    Middleware(BodyTimeout)
    app.middleware_stack = AnswerTimeout(app.build_middleware_stack())    # around everything

A request's body may take IDLE_SECONDS, and one second more for each SLOWEST bytes that have come.
Only the time spent waiting for the client counts, not the platform's own work between two parts.
Slow headers are the concern of the proxy in front: no ASGI application sees them.

A part of an answer (64 KiB of a film) may wait UNREAD_SECONDS for the client to read it. A player
that is paused for longer asks for the rest by a range when it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dub_platform.core.errors import SlowBodyError

IDLE_SECONDS = 30.0
SLOWEST = 10_000
UNREAD_SECONDS = 60.0


class BodyTimeout:
    """Hands the request's body on as long as it comes fast enough; SlowBodyError otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        paced = _Body(receive).receive if scope["type"] == "http" else receive
        await self.app(scope, paced, send)


class ClientGoneError(OSError):
    """The client reads its answer no more, so the rest need not be made."""


class AnswerTimeout:
    """Closes the connection of a client that does not read its answer, and stops the handler.

    Must be the outermost layer: it finds the connection through uvicorn's own `send`, which any
    middleware around it would hide.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of its request cycle, which has the transport.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] != "http" or transport is None:
            await self.app(scope, receive, send)
            return
        with contextlib.suppress(ClientGoneError):
            await self.app(scope, receive, _Answer(send, transport).send)


@dataclass
class _Answer:
    """An answer that is being sent, and the connection it is sent over."""

    next: Send
    transport: asyncio.Transport

    async def send(self, message: Message) -> None:
        """Hand one part of the answer to the server. Raises ClientGoneError."""
        if self.transport.get_write_buffer_size():
            await self._send_in_time(message)
        else:
            await self.next(message)
        if self.transport.get_write_buffer_size() and not message.get("more_body"):
            _end_unread(self.transport)

    async def _send_in_time(self, message: Message) -> None:
        with anyio.move_on_after(UNREAD_SECONDS):
            # uvicorn waits for room before it writes, so a cancelled part is not sent in half.
            await self.next(message)
            return
        self.transport.abort()
        # Returns at once on the closed connection; otherwise uvicorn logs an unfinished answer.
        await self.next(message)
        raise ClientGoneError(f"nothing was read for {UNREAD_SECONDS:g} s")


def _end_unread(transport: asyncio.Transport) -> None:
    """Have the kernel close the connection if the client does not read the end of an answer.

    uvicorn itself closes it only after the client has read everything.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A copy, because closing a socket object closes its descriptor, which is asyncio's.
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=descriptor) as same, contextlib.suppress(OSError):
            milliseconds = int(1000 * UNREAD_SECONDS)
            same.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


@dataclass
class _Body:
    """The body of a request: how many bytes have come, and the seconds waited for them in all."""

    next: Receive
    bytes: int = 0
    waited: float = 0.0
    is_whole: bool = False

    async def receive(self) -> Message:
        """Return the next message. Raises SlowBodyError if the body came too slowly."""
        if self.is_whole:
            # Only the disconnect can follow now, and handlers wait for it as long as they like.
            return await self.next()
        began = time.monotonic()
        with anyio.move_on_after(self._patience()):
            message = await self.next()
            self.waited += time.monotonic() - began
            self.bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            return message
        raise SlowBodyError(
            f"The body came too slowly: {self.bytes} bytes, and then nothing that was worth "
            "waiting for. Send it again over a better connection."
        )

    def _patience(self) -> float:
        """Return how many seconds the next part may take."""
        earned = IDLE_SECONDS + self.bytes / SLOWEST - self.waited
        # A fast start earns no credit for a long silence later.
        return min(IDLE_SECONDS, earned)
