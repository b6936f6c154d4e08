"""Refuses a client that sends too many requests, and tells each client how many it has left.

    Middleware(RateLimits, limits=limits)

A client is an API key together with all keys that were made with it, or an IP address where the
request has no key.
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
from dub_platform.core.errors import RateLimitedError
from dub_platform.core.service.addresses import one_of

_THREADS = 32


class RateLimits:
    """Counts each request, adds the RateLimit headers, and answers 429 over the limit."""

    def __init__(self, app: ASGIApp, limits: Limits | None) -> None:
        self.app = app
        self.limits = limits
        # Threads of their own: a slow Redis must not take those that handlers run in.
        self.threads = anyio.CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        windows = await self._count_request(scope)
        over = [window for window in windows if window.is_over]

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start" and windows:
                MutableHeaders(scope=message).update(_headers(windows))
            await send(message)

        if not over:
            await self.app(scope, receive, send_told)
            return
        waits = max(window.resets_in for window in over)
        # The connection closes, so that the server need not read the body of a refused upload.
        headers = {"retry-after": str(waits), "connection": "close"}
        await answer_error(_refusal(over[0]), scope, receive, send_told, headers)

    async def _count_request(self, scope: Scope) -> list[Window]:
        """Count the request; return the windows that it counts in, none where it is not limited."""
        if self.limits is None or scope["type"] != "http":
            return []
        rule = self.limits.rule(scope["method"], scope["path"])
        if rule is None:
            return []
        return await anyio.to_thread.run_sync(
            self.limits.counters.count, rule, who_asks(scope), limiter=self.threads
        )


def who_asks(scope: Scope) -> str:
    """Return the name of the client that a request is counted for: `key:ID` or `address:IP`."""
    key_id, client = caller_of(scope).counts_as, scope.get("client")
    return f"key:{key_id}" if key_id else f"address:{one_of(client[0]) if client else ''}"


def _headers(windows: Sequence[Window]) -> dict[str, str]:
    """Return the headers of the IETF's draft "RateLimit header fields for HTTP"."""
    policies = [f'"{w.name}";q={w.limit.amount};w={w.limit.get_expiry()}' for w in windows]
    left = [f'"{w.name}";r={w.remaining};t={w.resets_in}' for w in windows]
    return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}


def _refusal(over: Window) -> RateLimitedError:
    return RateLimitedError(
        f"These are more than the {over.limit.amount} requests that are taken in a {over.name} "
        f"here. Wait {over.resets_in} s, as Retry-After says, or ask the operator for more."
    )
