"""The budget of a line: how many characters can be said in the time it has.

    budgets = character_budgets(transcript.lines, rate=speaking_rate("es"))
    fits("Buenos días.", budgets[0])

A line has its slot and the silence after it, up to a second of it. It never borrows the silence
before: a voice that comes early is noticed at 45 ms, one that ends late much later. So no silence
is lent twice, and the last line borrows none, because the video may end with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

from dub_platform.core.speech import Line
from dub_platform.core.timeline import GAP_SECONDS

# Characters a second, spaces counted, of unhurried speech. Cantonese is written as Chinese is.
RATES: Mapping[str, float] = MappingProxyType(
    {
        "de": 11.8,
        "en": 13.5,
        "ja": 4.0,
        "ko": 4.3,
        "ru": 10.8,
        "tr": 12.0,
        "yue": 4.2,
        "zh": 4.2,
    }
)
# The mean of the alphabets above, for languages that nobody has measured.
OTHER_RATE = 12.0
LONGEST_LOAN_SECONDS = 1.0
# No language says much in fewer, and a slot as short as a cough must not ask for it.
LEAST_CHARACTERS = 8
# A tempo that is off by this much is just noticed: less is no reason to write a line anew.
NOTICED = 1.05
# How far from the expected length a translation may be and still be one of this text.
LONGEST_RATIO = 4.0
SHORTEST_RATIO = 0.1
EITHER_WAY = 20.0


def speaking_rate(language: str) -> float:
    """Return the characters a second in a language, by its tag."""
    return RATES.get(language.partition("-")[0], OTHER_RATE)


def character_budgets(lines: Sequence[Line], *, rate: float) -> dict[int, int]:
    """Return how many characters each line can have, by its id, at `rate` characters a second."""
    return {
        line.id: max(LEAST_CHARACTERS, int((line.seconds + loan(line, following)) * rate))
        for line, following in zip_longest(lines, lines[1:])
    }


def fits(text: str, budget: int) -> bool:
    """Tell whether a text can be said in its time without anybody noticing a hurry."""
    return len(text) <= budget * NOTICED


def is_plausible(text: str, original: str, *, language: str, source: str) -> bool:
    """Tell whether `text` has a length that a translation of `original` can have."""
    expected = len(original) * speaking_rate(language) / speaking_rate(source)
    shortest = (expected - EITHER_WAY) * SHORTEST_RATIO
    return shortest <= len(text) <= expected * LONGEST_RATIO + EITHER_WAY


def loan(line: Line, following: Line | None) -> float:
    """Return the seconds of the silence after the line that it may use."""
    if following is None:
        return 0.0
    return min(LONGEST_LOAN_SECONDS, max(0.0, following.start - line.end - GAP_SECONDS))
