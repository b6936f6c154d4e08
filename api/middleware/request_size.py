"""How long an address and the headers of a request may be, and what they must and must not hold.

The server has no limit of its own, and each request's are held in memory before anything is asked.
PostgreSQL takes no text with a NUL, so nothing of that name is there, whatever it is. Of two hosts,
a proxy may have read the other one.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.problems import http_problem

MOST_ADDRESS_BYTES = 8 * 1024
MOST_HEADER_BYTES = 32 * 1024
# What is still on its way is not wanted.
_CLOSE = {"connection": "close"}


class HeadLimits:
    """Refuses a request that names no host or two (400), whose address (414) or headers (431) are
    too long, or whose address holds a NUL (404), before it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = _refused(scope) if scope["type"] == "http" else None
        if status is None:
            await self.app(scope, receive, send)
        else:
            await http_problem(Request(scope), status, headers=_CLOSE)(scope, receive, send)


def _refused(scope: Scope) -> int | None:
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    if hosts > 1 or (hosts == 0 and scope["http_version"] != "1.0"):
        return 400
    if len(scope["path"]) + len(scope["query_string"]) > MOST_ADDRESS_BYTES:
        return 414
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADER_BYTES:
        return 431
    if "\0" in scope["path"]:
        return 404
    return None
