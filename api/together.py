"""Batches look-ups that many requests need at the same time.

    videos = Together(services.registry.wholes)
    await videos.one("dQw4w9WgXcQ")             # None for what is not there

A look-up that comes while a batch is being read waits for the next batch, which reads all waiting
keys in one go: one thread and one query for all. Nothing is cached. A batch begins after all its
keys were asked for, so each caller sees everything that any process had written by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

KeyT = TypeVar("KeyT")
FoundT = TypeVar("FoundT")

# Batches at a time: while a slow one is read, another can start.
AT_ONCE = 2
# A larger batch would delay the answers to all that wait for it.
MOST_OF_ROUND = 50
# Errors that one damaged row raises; the rest of its batch must not suffer from it.
_UNREADABLE = (LookupError, ValueError)


class Together(Generic[KeyT, FoundT]):
    """Calls `find`, which may block, with the keys of one batch after the other."""

    def __init__(self, find: Callable[[Collection[KeyT]], Mapping[KeyT, FoundT]]) -> None:
        self._find = find
        self._turns = anyio.CapacityLimiter(AT_ONCE)
        # Threads of their own: uploads that are examined must not delay look-ups.
        self._threads = anyio.CapacityLimiter(AT_ONCE)
        self._next: _Batch[KeyT, FoundT] | None = None

    async def one(self, key: KeyT) -> FoundT | None:
        """Return what `find` has for this key, or None. Raises whatever `find` raises for it."""
        if self._next is None or len(self._next.keys) >= MOST_OF_ROUND:
            self._next = _Batch()
            self._next.asked = asyncio.create_task(self._read_batch(self._next))
        mine = self._next
        mine.keys.add(key)
        try:
            # Shielded: a client that leaves must not cancel the batch for the others.
            found = await asyncio.shield(mine.asked)
        except _UNREADABLE:
            if len(mine.keys) == 1:
                raise
            # One key at a time finds out which row is damaged.
            found = await self._find_in_thread({key})
        return found.get(key)

    async def _read_batch(self, mine: _Batch[KeyT, FoundT]) -> Mapping[KeyT, FoundT]:
        async with self._turns:
            # Keys that come from now on are in the next batch.
            if self._next is mine:
                self._next = None
            return await self._find_in_thread(mine.keys)

    async def _find_in_thread(self, keys: Collection[KeyT]) -> Mapping[KeyT, FoundT]:
        return await anyio.to_thread.run_sync(self._find, keys, limiter=self._threads)


class _Batch(Generic[KeyT, FoundT]):
    def __init__(self) -> None:
        self.keys: set[KeyT] = set()
        self.asked: asyncio.Task[Mapping[KeyT, FoundT]]
