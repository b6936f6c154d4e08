"""A request and its answer, as the log and the metrics tell of them.

    exchange = Exchange(scope)
    await app(scope, exchange.receiving(receive), exchange.sending(send, receive))
    log.info("request", **exchange.line())

`outcome` is `answered` when the whole answer was sent to somebody who was still there, `aborted`
when the client had gone, and `failed` when the answer broke off by a mistake of ours.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send

NO_ROUTE = "none"
_READING = ("GET", "HEAD")


def route_of(scope: Scope) -> str:
    """The route's template, of which there are few; `none` for an address that is none."""
    return str(getattr(_route(scope), "path", NO_ROUTE)).replace(":path}", "}")


def _route(scope: Scope) -> BaseRoute | None:
    """Where it went, or would have gone if it had not been answered before."""
    routes: Sequence[BaseRoute] = scope["app"].routes
    wanted = (route for route in routes if route.matches(scope)[0] is not Match.NONE)
    return scope.get("route") or next(wanted, None)


@dataclass
class Exchange:
    """What is known of it so far. Sizes are bytes of the bodies, times seconds."""

    scope: Scope
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    received: int = 0
    sent: int = 0
    is_whole: bool = False
    is_left: bool = False

    @property
    def seconds(self) -> float:
        """How long it took up to now."""
        return time.perf_counter() - self.began

    @property
    def route(self) -> str:
        """The route's template."""
        return route_of(self.scope)

    @property
    def outcome(self) -> str:
        """How it ended."""
        if self.is_left:
            return "aborted"
        return "answered" if self.is_whole else "failed"

    def line(self) -> Mapping[str, str | int | float | None]:
        """What the log says of it."""
        return {
            "method": self.scope["method"],
            "path": self.scope["path"],
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "ms": round(1000 * self.seconds, 1),
            "bytes_in": self.received,
            "bytes_out": self.sent,
            "key_id": self.scope.get("state", {}).get("key_id"),
            "client": (self.scope.get("client") or (None,))[0],
        }

    def receiving(self, receive: Receive) -> Receive:
        """`receive`, with what comes in counted."""

        async def counted() -> Message:
            message = await receive()
            self.received += len(message.get("body", b""))
            # After the answer it only means that nothing more comes.
            self.is_left = self.is_left or (
                message["type"] == "http.disconnect" and not self.is_whole
            )
            return message

        return counted

    def sending(self, send: Send, receive: Receive) -> Send:
        """`send`, with what goes out counted."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if is_last:
                self.is_left = self.is_left or self._nobody_reads(receive)
            try:
                await send(message)
            except OSError:
                self.is_left = True
                raise
            self.sent += len(message.get("body", b""))
            self.is_whole = self.is_whole or is_last

        return counted

    def _nobody_reads(self, receive: Receive) -> bool:
        """Whether the client has gone, which the server does not say when one writes to it.

        Only asked where no body is expected: asking for one tells the client to send it.
        """
        if self.scope["method"] not in _READING:
            return False
        # One step, without waiting: what would have to be waited for has not happened.
        asked = cast(Coroutine[Any, Any, Message], receive())
        try:
            asked.send(None)
        except StopIteration as told:
            return bool(told.value["type"] == "http.disconnect")
        asked.close()
        return False
