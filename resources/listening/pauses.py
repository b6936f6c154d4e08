"""Compares the pauses of a release to those of its source, as the IWSLT dubbing track does.

    source, release = (find_speech(path, into=folder) for path in (original, track))
    found = compare_pauses([Sentence(slot, said), ...], source, release)
    found.in_place, found.duration_ratio, found.segments_off, found.wrong

The same voice detector listens to both; the timeline is not used. The speech of a sentence between
two pauses is a segment. If a sentence has the same number of segments in both, they are compared in
order; otherwise all segments of the source count as off.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from dub_platform.core.speech import Span
from resources.media import ffmpeg
from resources.media.vad import RATE, SileroSpeechFinder

# A segment whose length differs by more is off; so is a pause that ends further from its place.
OFF_SECONDS = 0.3
# Shorter speech at a sentence's edge belongs to its neighbour.
EDGE_SECONDS = 0.1


@dataclass(frozen=True)
class Sentence:
    """When a line is spoken in the source (`slot`) and in the release (`said`, None if not
    found)."""

    slot: Span
    said: Span | None


@dataclass(frozen=True)
class Pauses:
    """How well the source's pauses are kept; a share or ratio is None if there is nothing to
    compare.

    `in_place` is the share of the source's pauses that end within 0.3 s of one in the release.
    `wrong` is the number of sentences with another number of pauses. `segments_off` is the share of
    segments whose length differs by more than 0.3 s. `duration_ratio` is the mean of shorter over
    longer segment length, 0 in sentences with another number.
    """

    in_place: float | None
    duration_ratio: float | None
    segments_off: float | None
    wrong: int


def find_speech(sound: Path, *, into: Path) -> tuple[Span, ...]:
    """Return the spans with speech in any sound file. Raises MediaToolError."""
    with tempfile.TemporaryDirectory(dir=into) as folder:
        wav = Path(folder) / "speech.wav"
        heard = ffmpeg.untrusted(sound)["a:0"]
        ffmpeg.run(heard.output(str(wav), format="wav", codec="pcm_s16le", ar=RATE, ac=1))
        return SileroSpeechFinder().find(wav)


def compare_pauses(
    sentences: Sequence[Sentence], source: Sequence[Span], release: Sequence[Span]
) -> Pauses:
    """Compare the pauses of a release to its source's, given the speech spans of both."""
    ratios: list[float] = []
    off: list[bool] = []
    wrong = 0
    for sentence in sentences:
        wanted = _measure_segments(source, sentence.slot)
        heard = _measure_segments(release, sentence.said) if sentence.said else []
        if len(wanted) != len(heard):
            wrong += 1
            heard = [0.0] * len(wanted)
        pairs = list(zip(wanted, heard, strict=True))
        ratios += [min(pair) / max(pair) for pair in pairs]
        off += [abs(one - other) > OFF_SECONDS for one, other in pairs]
    return Pauses(_average(_judge_pauses(source, release)), _average(ratios), _average(off), wrong)


def _measure_segments(speech: Sequence[Span], sentence: Span) -> list[float]:
    """Return the length in seconds of each segment of a sentence."""
    lengths = (min(each.end, sentence.end) - max(each.start, sentence.start) for each in speech)
    return [seconds for seconds in lengths if seconds > EDGE_SECONDS]


def _judge_pauses(source: Sequence[Span], release: Sequence[Span]) -> Iterator[bool]:
    """Yield for each pause of the source whether the release has it too."""
    ends = [after.start for _, after in pairwise(release)]
    for _, after in pairwise(source):
        yield any(abs(end - after.start) <= OFF_SECONDS for end in ends)


def _average(found: Sequence[float] | Iterator[bool]) -> float | None:
    values = list(found)
    return fmean(values) if values else None
