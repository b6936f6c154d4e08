"""How many answers that last may be under way: files, and streams of events.

    Middleware(Room, most=places(open_more_files()))

Each file that is being read costs a process two of the descriptors that it may have, and a stream
one; with none left it takes no connection at all. So a client has only so many at once, and all
clients together no more than there are descriptors for. One too many is answered with 503.
"""

from __future__ import annotations

import resource
from collections import Counter

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.problems import http_problem
from api.middleware.rate_limits import who_asks

# Viewers behind one address that no proxy tells apart, and not one of whom shuts out the others.
MOST_OF_ONE = 200
# What a process may open at most; more only cost memory of the kernel's.
MOST_FILES = 65_536
# For connections that ask for something else, for databases, logs and what looks into uploads.
SPARED = 256
_LASTING = ("/media/",)
_EVENTS = "/events"


class Room:
    """Lets in what lasts while there is room for it."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most
        self.under_way = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _lasts(scope["path"]):
            await self.app(scope, receive, send)
            return
        who = who_asks(scope)
        if self.under_way[who] >= MOST_OF_ONE or self.under_way.total() >= self.most:
            full = http_problem(Request(scope), 503, headers=_LATER)
            await full(scope, receive, send)
            return
        self.under_way[who] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way[who] -= 1
            if not self.under_way[who]:
                del self.under_way[who]


def open_more_files() -> int:
    """Let this process open as many files as it is allowed to; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def places(files: int) -> int:
    """How many answers that last there is room for in a process that may open so many files."""
    return max(1, (files - SPARED) // 2)


_LATER = {"retry-after": "5", "connection": "close"}


def _lasts(path: str) -> bool:
    return path.startswith(_LASTING) or path.endswith(_EVENTS)
