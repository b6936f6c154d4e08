"""Pauses: where a take is parted, so that the dub is silent where the original is.

    rests = find_phrase_ends("Buenos días, y bienvenidos.", 2.3, [Span(0.74, 0.91)])
    part_take(line, 2.3, rests)                # two phrases, the second from 0.91 s of the take on

A take is parted only where its own voice rests between two phrases, so no word is ever cut. Pauses
of the line and rests of the take are matched in order: as many as there are phrases for that can be
said in the time between two pauses without a hurry; of these ways, the one whose phrases are most
nearly as long as those of the original.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dub_platform.core.speech import Line, Span
from dub_platform.core.timeline import COMFORTABLE, GAP_SECONDS

# No voice is silent for as long within a word.
SURE_SECONDS = 0.25
# A double consonant is silent for up to 0.17 s, as a comma is: at a mark, this is a rest.
LEAST_SECONDS = 0.15
# How far from its share of the letters a mark may be, as a share of the take and in seconds.
NEAR_SHARE, NEAR_SECONDS = 0.12, 0.3
_MARKS = re.compile(r"[,;:.!?…—–،؛؟]+(?=[\s\"”»)])|[，、。；：！？]+")
# What is shorter is a breath that was drawn, and no phrase.
SHORTEST_SECONDS = 0.25
# A sentence that stops for longer than its speaker did sounds broken.
LONGER_SECONDS = 0.5


@dataclass(frozen=True)
class Phrase:
    """What a take says without a break, from `offset` seconds into its speech on; in the video it
    should begin at `onset`."""

    offset: float
    seconds: float
    onset: float


@dataclass(frozen=True)
class _Way:
    """The first phrases of a take; what comes after starts at `offset` of it, and at `onset`."""

    phrases: tuple[Phrase, ...]
    offset: float
    onset: float
    unlike: float = 0.0

    @property
    def merit(self) -> tuple[int, float]:
        return len(self.phrases), -self.unlike


def find_phrase_ends(text: str, seconds: float, rests: Sequence[Span]) -> tuple[Span, ...]:
    """Return those rests of a take of this text at which a phrase ends, and not only a syllable.

    `rests` are where its voice is silent, in seconds from where its speech starts, in order.
    """
    near = max(NEAR_SECONDS, NEAR_SHARE * seconds)
    ends = {rest for rest in rests if rest.seconds >= SURE_SECONDS}
    long = [rest for rest in rests if rest.seconds >= LEAST_SECONDS]
    for place in _place_marks(text, seconds):
        found = min(long, key=lambda rest: abs(rest.start - place), default=None)
        if found and abs(found.start - place) <= near:
            ends.add(found)
    return tuple(sorted(ends, key=lambda rest: rest.start))


def _place_marks(text: str, seconds: float) -> list[float]:
    """Return the seconds at which the text's marks come in a take, if each letter takes as long."""
    letters = max(1, sum(map(str.isalnum, text)))
    before = [sum(map(str.isalnum, text[: mark.start()])) for mark in _MARKS.finditer(text)]
    return [seconds * count / letters for count in before if 0 < count < letters]


def part_take(line: Line, seconds: float, rests: Sequence[Span]) -> tuple[Phrase, ...]:
    """Return the phrases of the line's take, whose speech lasts `seconds`; one where it is not
    parted.

    `rests` are where its phrases end, in seconds from where its speech starts, in order.
    """
    # By the last rest that is used: the best ways so far, one for each pause it can stand for.
    ways = [_Way((), 0.0, line.start)]
    for rest in rests:
        ways += list(_extend_ways(rest, line.pauses, ways))
    return max((_finish(way, line, seconds) for way in ways), key=lambda way: way.merit).phrases


def _extend_ways(rest: Span, pauses: Sequence[Span], ways: Sequence[_Way]) -> Iterator[_Way]:
    """Yield, for each pause that can be at this rest, the best way to come there."""
    for pause in pauses:
        found = [_add_phrase(way, rest, pause) for way in ways if way.onset < pause.start]
        fitting = [way for way in found if way.unlike < math.inf]
        if fitting:
            yield max(fitting, key=lambda way: way.merit)


def _add_phrase(way: _Way, rest: Span, pause: Span) -> _Way:
    """Add a phrase to the way, which ends at the rest and for the pause."""
    seconds = rest.start - way.offset
    phrase = Phrase(way.offset, seconds, way.onset)
    silence = pause.end - way.onset - seconds
    fits = SHORTEST_SECONDS <= seconds <= COMFORTABLE * (pause.end - way.onset - GAP_SECONDS)
    broken = silence > pause.seconds + LONGER_SECONDS
    unlike = abs(pause.start - way.onset - seconds) if fits and not broken else math.inf
    return _Way((*way.phrases, phrase), rest.end, pause.end, way.unlike + unlike)


def _finish(way: _Way, line: Line, seconds: float) -> _Way:
    """Add what is left of the take to the way."""
    left = seconds - way.offset
    unlike = abs(line.end - way.onset - left)
    return _Way(
        (*way.phrases, Phrase(way.offset, left, way.onset)), seconds, line.end, way.unlike + unlike
    )
