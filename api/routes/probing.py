"""How many uploads are looked at, at once.

    taken = await probing.run("acme", lambda: take_upload(services, upload))

To look into a file takes a thread and a process, for as long as two minutes where somebody made it
to. So few are looked into at once, fewer of one tenant, and the others wait without a thread: all
other requests have theirs.
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
    """Runs what looks into uploads. Belongs to one event loop."""

    def __init__(self) -> None:
        self._threads = anyio.CapacityLimiter(MOST_AT_ONCE)
        self._tenants = defaultdict[str, anyio.CapacityLimiter](
            lambda: anyio.CapacityLimiter(MOST_OF_A_TENANT)
        )

    async def run(self, tenant: str, take: Callable[[], Taken]) -> Taken:
        """What `take` answers, in a thread of its own once it is the tenant's turn."""
        async with self._tenants[tenant]:
            return await anyio.to_thread.run_sync(take, limiter=self._threads)
