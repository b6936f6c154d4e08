"""Where somebody begins to speak in the sound, beside where lines are said to begin.

match_onsets({0: 1.2, 1: 5.0}, speech, within=0.5)      # {0: 1.34}
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence

from dub_platform.core.speech import Span


def match_onsets(
    told: Mapping[int, float], speech: Sequence[Span], *, within: float
) -> dict[int, float]:
    """Return where the stretch of speech starts that belongs to each line, in seconds by line.

    A line and a stretch belong together where each is the other's nearest, and no further away than
    `within`. A line that begins in the midst of speech has no edge in the sound, and is left out.
    """
    starts, places = sorted(span.start for span in speech), sorted(told.values())
    found = {}
    for line, place in told.items():
        start = _nearest(starts, place)
        # Each the other's nearest, or two lines would share one edge.
        if start is not None and abs(start - place) <= within and place == _nearest(places, start):
            found[line] = start
    return found


def _nearest(ordered: Sequence[float], to: float) -> float | None:
    at = bisect(ordered, to)
    return min(ordered[max(0, at - 1) : at + 1], key=lambda one: abs(one - to), default=None)
