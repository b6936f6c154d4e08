"""The loop around the timeline: which lines have to be said shorter, and in how many characters.

    lengths = predict_seconds(transcript.lines, texts, rates)          # before anything is spoken
    tempos_over(transcript.lines, lengths, seconds=60.0)         # {3: 1.22}: line 3 needs 1.22
    shorter_budgets(transcript.lines, {3: text}, lengths)        # {3: 48}: characters it may have

A line borrows the silence around it, is written shorter, is spoken up to 1.15 and then up to 1.30
times as fast, is shifted, and is flagged, in this order.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType

from dub_platform.core.speech import Line, Span, Transcript, Translation
from dub_platform.core.timeline import (
    COMFORTABLE,
    LATEST_SECONDS,
    Part,
    Timeline,
    fit_timeline,
    is_flagged,
)
from dub_platform.core.timing.budget import (
    LEAST_CHARACTERS,
    LONGEST_LOAN_SECONDS,
    character_budgets,
    loan,
)
from dub_platform.core.timing.pauses import part_take

# The solver's tolerance, which nobody hears.
_HEARD = 0.005
NO_RESTS: Mapping[int, Sequence[Span]] = MappingProxyType({})


@dataclass(frozen=True)
class Pace:
    """How fast a voice spoke one dub: characters a second at the median of so many lines."""

    rate: float
    lines: int


# The table of rates counts as much as this many lines of the voice's own.
PRIOR_LINES = 20
# What is shorter than this says more about the pauses at its ends than about the voice.
_TELLING_CHARACTERS = 12


def pace_of(spoken: Sequence[tuple[str, float]]) -> Pace | None:
    """Return the pace of takes, each given with its text and seconds; None where they tell
    nothing."""
    rates = [
        len(text) / seconds
        for text, seconds in spoken
        if len(text) >= _TELLING_CHARACTERS and seconds > 0.0
    ]
    return Pace(statistics.median(rates), len(rates)) if rates else None


def learn_rate(prior: float, dubs: Sequence[Pace]) -> float:
    """Return the characters a second of a voice that has spoken these dubs.

    The median over the dubs, so that one odd video does not swing it, weighed against the prior by
    the lines that it rests on.
    """
    if not dubs:
        return prior
    lines = sum(pace.lines for pace in dubs)
    own = statistics.median(pace.rate for pace in dubs)
    return (PRIOR_LINES * prior + lines * own) / (PRIOR_LINES + lines)


def parts_of(
    lines: Sequence[Line],
    lengths: Mapping[int, float],
    cuts: Sequence[float] = (),
    rests: Mapping[int, Sequence[Span]] = NO_RESTS,
) -> list[Part]:
    """Return the parts to place: each line's take on its onset, to be over soon after its slot is,
    and before the speaker is out of the picture; in parts where it rests as its line pauses.

    `lengths` are seconds of speech by line id, `cuts` the seconds at which shots end, ascending,
    `rests` seconds from where a take's speech starts.
    """
    return [part for line in lines for part in _part_line(line, lengths[line.id], cuts, rests)]


def _part_line(
    line: Line, seconds: float, cuts: Sequence[float], rests: Mapping[int, Sequence[Span]]
) -> list[Part]:
    phrases = part_take(line, seconds, rests.get(line.id, ()))
    return [
        Part(
            line.id,
            phrase.onset,
            phrase.seconds,
            _until(line, cuts) if phrase is phrases[-1] else None,
            phrase.offset,
        )
        for phrase in phrases
    ]


def _until(line: Line, cuts: Sequence[float]) -> float:
    """Return when the line's take should be over: a borrowed second after its slot, or where its
    shot ends."""
    after = bisect_left(cuts, line.end)
    return min([line.end + LONGEST_LOAN_SECONDS, *cuts[after : after + 1]])


def budgets_at(lines: Sequence[Line], rates: Mapping[str, float]) -> dict[int, int]:
    """Return how many characters each line can have, by its id, at its speaker's characters a
    second."""
    budgets = {who: character_budgets(lines, rate=rate) for who, rate in rates.items()}
    return {line.id: budgets[line.speaker][line.id] for line in lines}


def predict_seconds(
    lines: Sequence[Line], texts: Mapping[int, str], rates: Mapping[str, float]
) -> dict[int, float]:
    """Predict how many seconds each line's text will take, at its speaker's characters a second."""
    return {line.id: len(texts[line.id]) / rates[line.speaker] for line in lines}


def tempos_over(
    lines: Sequence[Line],
    lengths: Mapping[int, float],
    *,
    seconds: float,
    above: float = COMFORTABLE,
) -> dict[int, float]:
    """Return the lines that need more than a comfortable tempo, or than `above`, each with its
    tempo."""
    placements = fit_timeline(parts_of(lines, lengths), seconds=seconds).placements
    return {place.line_id: place.tempo for place in placements if place.tempo > above + _HEARD}


def count_hurried(
    transcript: Transcript, translation: Translation, rates: Mapping[str, float], *, seconds: float
) -> int:
    """Count the lines that would need more than a comfortable tempo, as far as can be told
    unspoken."""
    texts = {line.id: line.text for line in translation.lines}
    lines = [line for line in transcript.lines if line.id in texts]
    return len(tempos_over(lines, predict_seconds(lines, texts, rates), seconds=seconds))


def shorter_budgets(
    lines: Sequence[Line], texts: Mapping[int, str], lengths: Mapping[int, float]
) -> dict[int, int]:
    """Return how many characters each line can have at the pace of its own take, by its id.

    Always fewer than it has by what is clearly heard. It depends on the line and its take alone, so
    that what is asked of a translator stays the same whatever becomes of other lines.
    """
    return {
        line.id: _shorter(texts[line.id], (line.seconds + loan(line, after)) / lengths[line.id])
        for line, after in zip_longest(lines, lines[1:])
        if line.id in texts
    }


def _shorter(text: str, share: float) -> int:
    return max(LEAST_CHARACTERS, int(len(text) * min(share, 1 / COMFORTABLE)))


def choose_rewritable(
    crowded: Mapping[int, float], may: Sequence[int], *, share: float, count: int
) -> list[int]:
    """Choose which crowded lines to rewrite: of those in `may`, the most hurried, up to a share of
    the `count` lines of the video, in order of their ids."""
    wanted = sorted((line for line in crowded if line in set(may)), key=crowded.__getitem__)
    # One at least, or a share of a video of three lines would be none.
    most = max(1, round(share * count)) if share > 0.0 else 0
    return sorted(wanted[::-1][:most])


def steps(timeline: Timeline) -> dict[str, int]:
    """Count how many lines ended at which step: over 1.15, at 1.30, shifted, flagged."""
    places = timeline.placements
    return {
        "lines_over_1_15": sum(place.tempo > COMFORTABLE + _HEARD for place in places),
        "lines_at_1_30": sum(is_flagged(0.0, place.tempo) for place in places),
        "lines_shifted": sum(abs(place.onset_error) > LATEST_SECONDS for place in places),
        "lines_flagged": sum(is_flagged(place.onset_error, place.tempo) for place in places),
    }
