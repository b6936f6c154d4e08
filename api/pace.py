"""How long a body is waited for: a client that sends slowly must not hold what others need.

Middleware(Paced)

A body may take IDLE_SECONDS, and a second more for each SLOWEST bytes that have come. Only waiting
counts, not what the platform does with a part before it takes the next. Slow headers are for what
stands in front to end: no application sees them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dub_platform.core.errors import SlowBodyError

IDLE_SECONDS = 30.0
SLOWEST = 10_000


class Paced:
    """Hands a request's body on, as long as it comes fast enough."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        paced = _Body(receive).receive if scope["type"] == "http" else receive
        await self.app(scope, paced, send)


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
