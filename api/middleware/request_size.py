"""Limits of a request's address and headers, checked before anything else reads them.

uvicorn has no limit of its own, and the headers of each request are held in memory. A NUL is
refused because PostgreSQL stores no text with one, so nothing can have that address. Two Host
headers are refused because a proxy may have used the other one.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.problems import http_problem

MOST_ADDRESS_BYTES = 8 * 1024
MOST_HEADER_BYTES = 32 * 1024
# The server need not read the body of a request that is refused.
_CLOSE = {"connection": "close"}


class HeadLimits:
    """Answers 400 for no or two Host headers, 414 for a long address, 431 for long headers, 404 for
    a NUL in the path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = _refusal_status(scope) if scope["type"] == "http" else None
        if status is None:
            await self.app(scope, receive, send)
        else:
            await http_problem(Request(scope), status, headers=_CLOSE)(scope, receive, send)


def _refusal_status(scope: Scope) -> int | None:
    """Return the status to refuse this request with; None for a request that is well formed."""
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
