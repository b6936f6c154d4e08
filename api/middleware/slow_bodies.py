"""How long a client is waited for: one that sends or reads slowly must not hold what others need.

    Middleware(Paced)
    app.middleware_stack = PacedAnswers(app.build_middleware_stack())     # around everything

A body may take IDLE_SECONDS, and a second more for each SLOWEST bytes that have come. Only waiting
counts, not what the platform does with a part before it takes the next. Slow headers are for what
stands in front to end: no application sees them.

A part of an answer, which is 64 KiB of a film, may wait UNREAD_SECONDS to be taken; a player that
is paused for longer asks for the rest when it goes on.
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


class Paced:
    """Hands a request's body on, as long as it comes fast enough."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        paced = _Body(receive).receive if scope["type"] == "http" else receive
        await self.app(scope, paced, send)


class ClientGoneError(OSError):
    """Nobody reads the answer any more, so that no more of it needs to be made."""


class PacedAnswers:
    """Ends the connection of a client that does not read, and the making of its answer.

    It stands around all that wraps `send`: of an application's server it knows the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What the server hands over is a method of uvicorn's answer, which has its transport.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] != "http" or transport is None:
            await self.app(scope, receive, send)
            return
        with contextlib.suppress(ClientGoneError):
            await self.app(scope, receive, _Answer(send, transport).send)


@dataclass
class _Answer:
    """An answer on its way, and the connection that it goes over."""

    next: Send
    transport: asyncio.Transport

    async def send(self, message: Message) -> None:
        """Hand a part to the server. Raises ClientGoneError."""
        if self.transport.get_write_buffer_size():
            await self._send_in_time(message)
        else:
            await self.next(message)
        if self.transport.get_write_buffer_size() and not message.get("more_body"):
            _end_unread(self.transport)

    async def _send_in_time(self, message: Message) -> None:
        with anyio.move_on_after(UNREAD_SECONDS):
            # It waits before it writes, so what is given up has not been sent in part.
            await self.next(message)
            return
        self.transport.abort()
        # It returns once the server knows, which would miss the answer's end otherwise.
        await self.next(message)
        raise ClientGoneError(f"nothing was read for {UNREAD_SECONDS:g} s")


def _end_unread(transport: asyncio.Transport) -> None:
    """Have the kernel end the connection where what is left of an answer is not read.

    The server closes it only once everything has been taken.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=descriptor) as same, contextlib.suppress(OSError):
            milliseconds = int(1000 * UNREAD_SECONDS)
            same.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


@dataclass
class _Body:
    """What of a body has come, and how long it was waited for in all."""

    next: Receive
    bytes: int = 0
    waited: float = 0.0
    is_whole: bool = False

    async def receive(self) -> Message:
        """The next message. Raises SlowBodyError while the body is not whole."""
        if self.is_whole:
            # What comes after the body is that the client has gone, which nobody hurries.
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
        earned = IDLE_SECONDS + self.bytes / SLOWEST - self.waited
        # What came fast is no credit for a long silence.
        return min(IDLE_SECONDS, earned)
