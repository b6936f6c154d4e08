"""Batches: lines that are sent to a translator together, parted where the talk pauses.

    for batch in batches(transcript.lines): ...

Where a batch ends depends on the lines in it alone, so a line that is added or changed leaves most
other batches as they were, and what was paid for them is used again.
"""

from __future__ import annotations

from collections.abc import Sequence

from dub_platform.core.speech import Line

MOST_LINES = 40
FEWEST_LINES = 20


def batches(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    """Return all lines in order, in batches of 20 to 40; the last one may have fewer."""
    parted: list[tuple[Line, ...]] = []
    first = 0
    while len(lines) - first > MOST_LINES:
        ends = range(first + FEWEST_LINES, first + MOST_LINES + 1)
        # Of pauses that are as long, the latest: fewer batches are cheaper.
        end = max(ends, key=lambda index: (lines[index].start - lines[index - 1].end, index))
        parted.append(tuple(lines[first:end]))
        first = end
    return [*parted, tuple(lines[first:])] if lines[first:] else parted
