"""Limits how many uploads are examined at once.

    taken = await probing.run("acme", lambda: take_upload(services, upload))

Examining a file takes a thread and a process, up to two minutes for a file that was made to be
slow. So only MOST_AT_ONCE are examined at once, MOST_OF_A_TENANT for each tenant. The others wait
without a thread, so that all other requests have theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

MOST_AT_ONCE = 4
MOST_OF_A_TENANT = 2
Taken = TypeVar("Taken")


class Probing:
    """Runs functions that examine uploads. Belongs to one event loop."""

    def __init__(self) -> None:
        self._threads = anyio.CapacityLimiter(MOST_AT_ONCE)
        self._tenants = defaultdict[str, anyio.CapacityLimiter](
            lambda: anyio.CapacityLimiter(MOST_OF_A_TENANT)
        )

    async def run(self, tenant: str, take: Callable[[], Taken]) -> Taken:
        """Run `take` in a thread once it is the tenant's turn, and return its result."""
        async with self._tenants[tenant]:
            return await anyio.to_thread.run_sync(take, limiter=self._threads)
