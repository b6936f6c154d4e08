"""What a recogniser itself does not trust: left out, or kept and marked, but never in silence.

    doubt = Doubts().about(text, log_probability=-1.3, no_speech=0.1)
    segments, why = keep_trusted([Finding(piece, words, doubt)])

The limits and most of the measures are Whisper's own.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from dub_platform.core.speech import Segment, Word
from resources.transcriber.chunks import Piece, segments

# A phrase of up to this many words, as often as this in a row, was not said by anybody.
_LONGEST_PHRASE = 10
_ROUNDS = 6
_MOST_TIMES_NAMED = 5


@dataclass(frozen=True)
class Doubt:
    """`reason` follows "because"; `is_useless` when the words are worse than none.

    Where nothing is dubbed the original stays to be heard.
    """

    reason: str
    is_useless: bool = False


SILENCE = Doubt("the recogniser found no speech there", is_useless=True)
LOOP = Doubt("the recogniser said the same words over and over", is_useless=True)
UNSURE = Doubt("the recogniser is unsure of it")
CUT_OFF = Doubt("the recogniser stopped at its longest text, so its end may be missing")


@dataclass(frozen=True)
class Doubts:
    """When a text is doubted.

    `least_log_probability` is the mean of its tokens' natural logarithms; `most_compression` is
    how many times smaller zlib makes it; `most_no_speech` is a probability.
    """

    least_log_probability: float = -1.0
    most_compression: float = 2.4
    most_no_speech: float = 0.6

    @property
    def least_confidence(self) -> float:
        """How sure all of a recording has to be: as sure as a text that is not doubted."""
        return certainty(self.least_log_probability)

    def about(
        self, text: str, *, log_probability: float = 0.0, no_speech: float = 0.0
    ) -> Doubt | None:
        """Return the gravest reason not to trust a text; what is not known counts as good."""
        unsure = log_probability < self.least_log_probability
        if unsure and no_speech > self.most_no_speech:
            return SILENCE
        if _measure_compression(text) > self.most_compression or _is_loop(text.lower().split()):
            return LOOP
        return UNSURE if unsure else None


def certainty(log_probability: float | None) -> float:
    """Return how sure a text's words are, from 0 to 1, by the mean of its tokens' natural
    logarithms; what is not known counts as good."""
    return 1.0 if log_probability is None else min(1.0, math.exp(log_probability))


@dataclass(frozen=True)
class Finding:
    """The words of a piece, in the recording's time, and what is to be said against them."""

    piece: Piece
    words: list[Word]
    doubt: Doubt | None = None

    @property
    def start(self) -> float:
        return self.words[0].start if self.words else self.piece.spoken.start


def keep_trusted(findings: Iterable[Finding]) -> tuple[tuple[Segment, ...], str]:
    """Return the segments that can be used, doubtful words marked, and why the rest is left out."""
    kept: list[tuple[Piece, list[Word]]] = []
    useless: list[tuple[str, float]] = []
    for finding in findings:
        doubt = finding.doubt
        if doubt and doubt.is_useless:
            useless.append((doubt.reason, finding.start))
        else:
            kept.append((finding.piece, _mark(finding.words, doubt.reason if doubt else "")))
    return segments(kept), _say_left_out(useless)


def _mark(words: Iterable[Word], doubt: str) -> list[Word]:
    return [replace(word, doubt=doubt) for word in words]


def _say_left_out(places: Iterable[tuple[str, float]]) -> str:
    """Write a sentence for each reason, with the times that it holds for."""
    return " ".join(
        f"Speech at {_list_times([start for _, start in group])} was left out, because {reason}."
        for reason, group in groupby(sorted(places), key=itemgetter(0))
    )


def _list_times(starts: Sequence[float]) -> str:
    times = ", ".join(f"{start:.1f} s" for start in starts[:_MOST_TIMES_NAMED])
    more = len(starts) - _MOST_TIMES_NAMED
    return f"{times} and {more} more places" if more > 0 else times


def _measure_compression(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def _is_loop(words: Sequence[str]) -> bool:
    """Whether a phrase comes again and again; the shortest loops are too short to compress."""
    return any(
        sum(1 for _ in run) >= size * (_ROUNDS - 1)
        for size in range(1, _LONGEST_PHRASE + 1)
        for same, run in groupby(map(str.__eq__, words, words[size:]))
        if same
    )
