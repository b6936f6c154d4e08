"""Refuses a client that asks too much, and tells each how much it may still ask.

    Middleware(RateLimited, limits=limits)

Counted is who sends: a key, with all keys that were made with it, or where there is none an
address.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.to_thread
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.caller import caller_of
from api.contract.problems import answer_error
from api.rate_limiting import Limits, Window
from dub_platform.core.addresses import one_of
from dub_platform.core.errors import RateLimitedError

_THREADS = 32


class RateLimited:
    """Counts each request, says in its answer what is left, and refuses what is too much."""

    def __init__(self, app: ASGIApp, limits: Limits | None) -> None:
        self.app = app
        self.limits = limits
        self.threads = anyio.CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        windows = await self._windows(scope)
        over = [window for window in windows if window.is_over]

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start" and windows:
                MutableHeaders(scope=message).update(_headers(windows))
            await send(message)

        if not over:
            await self.app(scope, receive, send_told)
            return
        waits = max(window.resets_in for window in over)
        # A body that comes along is not wanted: do not read it to its end.
        headers = {"retry-after": str(waits), "connection": "close"}
        await answer_error(_refusal(over[0]), scope, receive, send_told, headers)

    async def _windows(self, scope: Scope) -> list[Window]:
        if self.limits is None or scope["type"] != "http":
            return []
        rule = self.limits.rule(scope["method"], scope["path"])
        if rule is None:
            return []
        return await anyio.to_thread.run_sync(
            self.limits.counters.count, rule, who_asks(scope), limiter=self.threads
        )


def who_asks(scope: Scope) -> str:
    """Who counts as the client of a request: its key with those that it made, or where there is
    none its address."""
    key_id, client = caller_of(scope).counts_as, scope.get("client")
    return f"key:{key_id}" if key_id else f"address:{one_of(client[0]) if client else ''}"


def _headers(windows: Sequence[Window]) -> dict[str, str]:
    """What the IETF's draft for these headers has: the policies, and how far each is used."""
    policies = [f'"{w.name}";q={w.limit.amount};w={w.limit.get_expiry()}' for w in windows]
    left = [f'"{w.name}";r={w.remaining};t={w.resets_in}' for w in windows]
    return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}


def _refusal(over: Window) -> RateLimitedError:
    return RateLimitedError(
        f"These are more than the {over.limit.amount} requests that are taken in a {over.name} "
        f"here. Wait {over.resets_in} s, as Retry-After says, or ask the operator for more."
    )
