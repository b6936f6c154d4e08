"""Looking up at once what many ask for at the same time.

    videos = Together(services.registry.wholes)
    await videos.one("dQw4w9WgXcQ")             # None for what is not there

Whoever asks while others are being answered waits for the next round, which asks for all of them in
one go: one thread and one question to the database for as many as there are. Nothing is kept. A
round begins after everybody in it has asked, so each is told what is there by then, whichever
process has written it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

KeyT = TypeVar("KeyT")
FoundT = TypeVar("FoundT")

# Rounds at a time, so that one that is slow holds up no others.
AT_ONCE = 2
# More would be read for as long as others are to be answered meanwhile.
MOST_OF_ROUND = 50
# What a row is worth that cannot be read.
_UNREADABLE = (LookupError, ValueError)


class Together(Generic[KeyT, FoundT]):
    """Asks `find`, which may block, for the keys of each round."""

    def __init__(self, find: Callable[[Collection[KeyT]], Mapping[KeyT, FoundT]]) -> None:
        self._find = find
        self._turns = anyio.CapacityLimiter(AT_ONCE)
        # Of their own: uploads that are being looked at keep nobody from being answered.
        self._threads = anyio.CapacityLimiter(AT_ONCE)
        self._next: _Round[KeyT, FoundT] | None = None

    async def one(self, key: KeyT) -> FoundT | None:
        """What is found of this key. Raises whatever `find` does."""
        if self._next is None or len(self._next.keys) >= MOST_OF_ROUND:
            self._next = _Round()
            self._next.asked = asyncio.create_task(self._ask(self._next))
        mine = self._next
        mine.keys.add(key)
        try:
            # Who goes takes nobody's answer along.
            found = await asyncio.shield(mine.asked)
        except _UNREADABLE:
            if len(mine.keys) == 1:
                raise
            found = await self._found({key})
        return found.get(key)

    async def _ask(self, mine: _Round[KeyT, FoundT]) -> Mapping[KeyT, FoundT]:
        async with self._turns:
            # Who comes from now on is in the next one.
            if self._next is mine:
                self._next = None
            return await self._found(mine.keys)

    async def _found(self, keys: Collection[KeyT]) -> Mapping[KeyT, FoundT]:
        return await anyio.to_thread.run_sync(self._find, keys, limiter=self._threads)


class _Round(Generic[KeyT, FoundT]):
    def __init__(self) -> None:
        self.keys: set[KeyT] = set()
        self.asked: asyncio.Task[Mapping[KeyT, FoundT]]
