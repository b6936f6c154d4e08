"""Limits how many long answers may be under way at once: media files and streams of events.

    Middleware(LongAnswerLimit, most=places(open_more_files()))

Each media answer needs two file descriptors and each stream one; a process without free descriptors
accepts no connection at all. One client may have MOST_OF_ONE long answers at once, and all clients
together as many as there are descriptors for. One too many is answered with 503.
"""

from __future__ import annotations

import resource
from collections import Counter

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.problems import http_problem
from api.middleware.rate_limits import who_asks

# Enough for the viewers of an office behind one address; too few for one client to shut out others.
MOST_OF_ONE = 200
# No process needs more descriptors, and each costs memory of the kernel.
MOST_FILES = 65_536
# For connections that ask for something else, for databases, logs and what looks into uploads.
SPARED = 256
_LASTING = ("/media/",)
_EVENTS = "/events"


class LongAnswerLimit:
    """Counts the long answers under way, and answers 503 to one too many."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most
        self.under_way = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_long(scope["path"]):
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
            # An entry that stayed would be kept for every address that ever asked.
            if not self.under_way[who]:
                del self.under_way[who]


def open_more_files() -> int:
    """Raise this process's limit of open files as far as allowed, and return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def places(files: int) -> int:
    """Return how many long answers fit in a process that may open `files` files."""
    return max(1, (files - SPARED) // 2)


_LATER = {"retry-after": "5", "connection": "close"}


def _is_long(path: str) -> bool:
    return path.startswith(_LASTING) or path.endswith(_EVENTS)
