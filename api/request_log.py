"""One request and its answer, for the log and the metrics.

    exchange = Exchange(scope)
    await app(scope, exchange.receiving(receive), exchange.sending(send, receive))
    log.info("request", **exchange.line())

`outcome` is `answered` if the whole answer was sent to a client that was still there, `aborted` if
the client had left, and `failed` if the answer broke off because of an error of ours.
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
    """Return the template of the request's route; `none` for an address that has no route.

    Templates are few, so they can be labels of metrics; addresses are not.
    """
    return str(getattr(_route(scope), "path", NO_ROUTE)).replace(":path}", "}")


def _route(scope: Scope) -> BaseRoute | None:
    """Return the route that the request went to, or would have if no middleware had answered it."""
    routes: Sequence[BaseRoute] = scope["app"].routes
    wanted = (route for route in routes if route.matches(scope)[0] is not Match.NONE)
    return scope.get("route") or next(wanted, None)


@dataclass
class Exchange:
    """A request and its answer so far. Sizes are bytes of the bodies, times are seconds."""

    scope: Scope
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    received: int = 0
    sent: int = 0
    is_whole: bool = False
    is_left: bool = False

    @property
    def seconds(self) -> float:
        """Seconds since the request began."""
        return time.perf_counter() - self.began

    @property
    def route(self) -> str:
        """The template of its route."""
        return route_of(self.scope)

    @property
    def outcome(self) -> str:
        """How it ended: `answered`, `aborted` or `failed`."""
        if self.is_left:
            return "aborted"
        return "answered" if self.is_whole else "failed"

    def line(self) -> Mapping[str, str | int | float | None]:
        """Return the fields of its log line."""
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
        """Wrap `receive`, to count the bytes of the request's body and to notice that the client
        left."""

        async def counted() -> Message:
            message = await receive()
            self.received += len(message.get("body", b""))
            # After the whole answer a disconnect is normal.
            self.is_left = self.is_left or (
                message["type"] == "http.disconnect" and not self.is_whole
            )
            return message

        return counted

    def sending(self, send: Send, receive: Receive) -> Send:
        """Wrap `send`, to count the bytes of the answer's body and to note its status and its
        end."""

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
        """Whether the client has left, which uvicorn does not tell when one sends to it.

        Asked only for methods without a body: `receive` makes uvicorn tell the client to send it.
        """
        if self.scope["method"] not in _READING:
            return False
        # One step of the coroutine, without waiting: if it does not end, the client is there.
        asked = cast(Coroutine[Any, Any, Message], receive())
        try:
            asked.send(None)
        except StopIteration as told:
            return bool(told.value["type"] == "http.disconnect")
        asked.close()
        return False
