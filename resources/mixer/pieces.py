"""The pieces that a track is made in, one by itself and several at once.

    for piece in pieces(frames):
        sound = read(piece.begin, piece.end)    # with what is around it

A piece is a whole number of AAC frames, so that packets of neighbours can be joined, and of the
100 ms that loudness is counted in, so that their measurements can be, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from dub_platform.core.mixing import RATE

AAC_FRAME = 1024
# 100 ms, a step of the loudness meter (ITU-R BS.1770-5: blocks of 400 ms overlap by 75 %).
STEP = RATE // 10
# The smallest length that is whole in AAC frames and in steps is 1.6 s. Twelve of it make what is
# read around a piece cost 3 %, in 8 MB of samples.
PIECE_FRAMES = 12 * 76_800
# Before: the limiter has let go of 30 dB, the meter's filter and the encoder have settled.
BEFORE_FRAMES = 24 * AAC_FRAME
# After: the encoder looks ahead by two frames, and the limiter from there on.
AFTER_FRAMES = 4 * AAC_FRAME
# Cores of the smallest worker; each takes one piece's memory.
AT_ONCE = 2

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Piece:
    """Frames `first` to `last` (exclusive) of a track, and `begin` to `end` with margins."""

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
    """All pieces of a track, in order; the last is shorter, and alone it may be empty."""
    return [_piece(first, frames) for first in range(0, max(frames, 1), PIECE_FRAMES)]


def _piece(first: int, frames: int) -> Piece:
    last = min(first + PIECE_FRAMES, frames)
    return Piece(first, last, max(0, first - BEFORE_FRAMES), min(last + AFTER_FRAMES, frames))


def each(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """What is made of each item, in order, on several cores: numpy and the codecs let others run.

    Only a few are begun before they are asked for. Whatever goes wrong with one is raised.
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
