"""The voice that speaks drafts for editors, in the process that answers them.

    drafting = Drafting(lambda: wiring.draft_takes(settings, store))
    take = await drafting.run(tenant, lambda keeper: Drafts(..., keeper).speak(...))

It is made when somebody first wants to hear a draft, and stays warm. No more than AT_ONCE lines are
spoken at a time, and no tenant has all of these places: who comes beyond that is refused at once,
for an editor who waits for long hears no more than one who tries again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from dub_platform.core.errors import RateLimitedError

if TYPE_CHECKING:
    from resources.voice.takes import TakeKeeper

AT_ONCE = 4
# Those that are spoken and those that wait.
MOST, MOST_OF_ONE = 32, 8
T = TypeVar("T")


class Drafting:
    """Makes the keeper of takes once, and has it work for so many at a time."""

    def __init__(self, make: Callable[[], TakeKeeper]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._keeper: TakeKeeper | None = None
        self._limiter: anyio.CapacityLimiter | None = None
        self._under_way = Counter[str]()

    async def run(self, tenant: str, work: Callable[[TakeKeeper], T]) -> T:
        """What the work comes to, in a thread of its own. Raises RateLimitedError."""
        if self._under_way.total() >= MOST or self._under_way[tenant] >= MOST_OF_ONE:
            raise RateLimitedError(
                "More lines are being spoken here at this moment than are taken at once, so this "
                "one was not. Nothing was paid: try again in a few seconds."
            )
        self._under_way[tenant] += 1
        try:
            # Of its own: a voice that takes long must keep nobody from being answered.
            self._limiter = self._limiter or anyio.CapacityLimiter(AT_ONCE)
            # What is paid for is kept, also when whoever asked for it does not wait any more.
            return await anyio.to_thread.run_sync(partial(self._run, work), limiter=self._limiter)
        finally:
            self._under_way[tenant] -= 1
            if not self._under_way[tenant]:
                del self._under_way[tenant]

    def close(self) -> None:
        """Let go of the voice, if there is one."""
        with self._making:
            if self._keeper is not None:
                self._keeper.voice.close()

    def _run(self, work: Callable[[TakeKeeper], T]) -> T:
        with self._making:
            self._keeper = self._keeper or self._make()
        return work(self._keeper)
