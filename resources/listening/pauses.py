"""The pauses of a release beside those of its source, counted as the IWSLT dubbing track does.

    source, release = (find_speech(path, into=folder) for path in (original, track))
    found = compare_pauses([Sentence(slot, said), ...], source, release)
    found.in_place, found.duration_ratio, found.segments_off, found.wrong

Both are listened to by the same detector of voices, and nothing of the timeline is asked. What a
sentence says between two pauses is a segment. Where it has as many in the release as in the
source, they are compared in their order; where it has not, all of the source's count as off.
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

# A segment that is longer or shorter by more is off, as is a pause that ends so far from its place.
OFF_SECONDS = 0.3
# What reaches over a sentence's edge by less belongs to its neighbour.
EDGE_SECONDS = 0.1


@dataclass(frozen=True)
class Sentence:
    """When a line was said in the source, and when it is in the release; None is not heard."""

    slot: Span
    said: Span | None


@dataclass(frozen=True)
class Pauses:
    """What of the source's pauses is kept; a share or a ratio is None where there is nothing.

    `in_place` is the share of the source's pauses that end within 0.3 s of one of the release.
    `wrong` is how many sentences have another number of pauses, `segments_off` the share of
    segments that are not as long to 0.3 s, `duration_ratio` the mean of the shorter over the
    longer of two segments, 0 in a sentence with another number.
    """

    in_place: float | None
    duration_ratio: float | None
    segments_off: float | None
    wrong: int


def find_speech(sound: Path, *, into: Path) -> tuple[Span, ...]:
    """Where a voice is in any sound file. Raises MediaToolError."""
    with tempfile.TemporaryDirectory(dir=into) as folder:
        wav = Path(folder) / "speech.wav"
        heard = ffmpeg.untrusted(sound)["a:0"]
        ffmpeg.run(heard.output(str(wav), format="wav", codec="pcm_s16le", ar=RATE, ac=1))
        return SileroSpeechFinder().find(wav)


def compare_pauses(
    sentences: Sequence[Sentence], source: Sequence[Span], release: Sequence[Span]
) -> Pauses:
    """The pauses of a release, by where a voice is in it and in its source."""
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
    """How long each stretch of speech in a sentence is, in seconds."""
    lengths = (min(each.end, sentence.end) - max(each.start, sentence.start) for each in speech)
    return [seconds for seconds in lengths if seconds > EDGE_SECONDS]


def _judge_pauses(source: Sequence[Span], release: Sequence[Span]) -> Iterator[bool]:
    """Whether each pause of the source is one of the release, too."""
    ends = [after.start for _, after in pairwise(release)]
    for _, after in pairwise(source):
        yield any(abs(end - after.start) <= OFF_SECONDS for end in ends)


def _average(found: Sequence[float] | Iterator[bool]) -> float | None:
    values = list(found)
    return fmean(values) if values else None
