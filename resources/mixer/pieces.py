"""The pieces that a track is made in, several at once.

    for piece in pieces(frames):
        sound = read(piece.begin, piece.end)    # with margins

A piece is a whole number of AAC frames, so that the packets of neighbours can be joined, and of
loudness steps of 100 ms, so that their measurements can be joined too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from dub_platform.core.mixing import RATE

AAC_FRAME = 1024
# Frames in 100 ms, a step of the meter (ITU-R BS.1770-5: blocks of 400 ms overlap by 75 %).
STEP = RATE // 10
# 1.6 s is the shortest whole number of both AAC frames and steps. With twelve of it, the margins
# cost 3 % more work, and a piece is 8 MB of samples.
PIECE_FRAMES = 12 * 76_800
# Margin before: the limiter releases 30 dB within it, and filters and encoder settle.
BEFORE_FRAMES = 24 * AAC_FRAME
# Margin after: the encoder looks two frames ahead, and the limiter from there on.
AFTER_FRAMES = 4 * AAC_FRAME
# Pieces at once: the cores of the smallest worker. Each needs the memory of one piece.
AT_ONCE = 2

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Piece:
    """Frames `first` to `last` (exclusive) of a track; `begin` to `end` with margins."""

    first: int
    last: int
    begin: int
    end: int

    @property
    def number(self) -> int:
        return self.first // PIECE_FRAMES

    @property
    def frames(self) -> int:
        return self.last - self.first


def pieces(frames: int) -> Sequence[Piece]:
    """Return all pieces of a track in order; the last is shorter, and the only one may be empty."""
    return [_piece(first, frames) for first in range(0, max(frames, 1), PIECE_FRAMES)]


def _piece(first: int, frames: int) -> Piece:
    last = min(first + PIECE_FRAMES, frames)
    return Piece(first, last, max(0, first - BEFORE_FRAMES), min(last + AFTER_FRAMES, frames))


def each(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Yield `make(item)` for each item, in order, computed on AT_ONCE threads.

    Threads suffice, because numpy and the codecs release the GIL. Only a few items are begun before
    their results are asked for. Exceptions of `make` are raised.
    """
    begun: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for item in items:
                begun.append(pool.submit(make, item))
                if len(begun) > 2 * AT_ONCE:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
