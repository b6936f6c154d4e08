"""A whole release as it is heard: its length, each line, and what is left of the bed.

    heard = hearing(Path("track.m4a"), into=folder, script=script, source=source)
    heard.onset_p95_ms, heard.overlaps, heard.cut, heard.voice_to_bed_db

What is not handed in cannot be measured and is None or empty: without the takes no line is heard,
without the source nothing is compared with it; how loud it is says `ffmpeg.measure`. The file is
decoded once, to disk; after that a line is in memory for each core, however long the file is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from dub_platform.core.mixing import RATE
from dub_platform.core.onsets import match_onsets
from dub_platform.core.speech import Take
from dub_platform.core.timeline import Placement, Timeline
from resources.listening.lines import LOST_SHARE, HeardLine, heard_line, located
from resources.listening.original import (
    Left,
    Source,
    left_db,
    left_of,
    original_at,
    start_frames,
)
from resources.listening.released import Released, decoded
from resources.media.time_stretch import say_placed
from resources.mixer.pieces import each

# Lines that are said to begin further from where a voice does are another's, or there is no voice.
DRIFT_SECONDS = 1.5
# Two takes that touch do not sound at once; correlation tells where to a sample.
TOUCHING_SECONDS = 0.005


@dataclass(frozen=True)
class Script:
    """What was to be said when, and the recordings it was to be said with."""

    timeline: Timeline
    takes: Sequence[tuple[Take, Path]]


@dataclass(frozen=True)
class Hearing:
    """What was measured on a release: times in ms, levels in dB."""

    seconds: float
    lines: tuple[HeardLine, ...] = ()
    length_ms: float | None = None
    start_ms: float | None = None
    original_left_db: float | None = None

    @property
    def found(self) -> tuple[HeardLine, ...]:
        """The lines that can be heard, in the order of their starts."""
        return tuple(sorted((line for line in self.lines if line.found), key=lambda it: it.start))

    @property
    def missing(self) -> tuple[int, ...]:
        """Lines that are surely not said near their places.

        One that is too soft to be told from what sounds beside it is neither found nor missing.
        """
        usual = float(np.median([line.gain for line in self.found])) if self.found else math.inf
        return tuple(
            line.line_id
            for line in self.lines
            if not line.found and line.most_gain < LOST_SHARE * usual
        )

    @property
    def cut(self) -> tuple[int, ...]:
        """Lines whose beginning or end is surely lost."""
        return tuple(line.line_id for line in self.found if line.lost_seconds)

    @property
    def overlaps(self) -> tuple[int, ...]:
        """Lines that begin while one before them is still heard."""
        ends = accumulate((line.end for line in self.found), max)
        return tuple(
            line.line_id
            for line, before in zip(self.found[1:], ends, strict=False)
            if line.start < before - TOUCHING_SECONDS
        )

    @property
    def clicks(self) -> int:
        return sum(line.clicks for line in self.found)

    @property
    def levels(self) -> dict[str, float | None]:
        """What is measured rather than counted, by name; None where it cannot be."""
        return {
            "onset_p95_ms": self.onset_p95_ms,
            "misplaced_ms": self.misplaced_ms,
            "tempo_p95": self.tempo_p95,
            "start_ms": self.start_ms,
            "length_ms": self.length_ms,
            "voice_to_bed_db": self.voice_to_bed_db,
            "original_left_db": self.original_left_db,
        }

    @property
    def onset_p95_ms(self) -> float | None:
        """95th percentile of how far lines start from where the original speaker did.

        With the source it is told by where a voice begins in the sound, whatever captions or a
        recogniser said of it.
        """
        late = [line.onset_ms for line in self.found]
        return _percentile([abs(each) for each in late if each is not None], 95)

    @property
    def misplaced_ms(self) -> float | None:
        """The most that a line starts from where it was to."""
        return _percentile([abs(line.misplaced_ms) for line in self.found], 100)

    @property
    def tempo_p95(self) -> float | None:
        return _percentile([line.tempo for line in self.lines], 95)

    @property
    def voice_to_bed_db(self) -> float | None:
        """In the line where it is hardest to follow but for one in twenty."""
        return _percentile([line.voice_to_bed_db for line in self.found], 5)


NOTHING_SAID = Script(Timeline(0.0, ()), ())


def hearing(
    path: Path,
    *,
    into: Path,
    stream: int = 0,
    script: Script = NOTHING_SAID,
    source: Source | None = None,
) -> Hearing:
    """Measure the audio stream of this number of a released file. Raises MediaToolError."""
    released = decoded(path, into=into, stream=stream)
    lines = _Lines(released, script, source)
    return Hearing(
        seconds=released.seconds,
        lines=lines.heard,
        length_ms=1000 * (released.seconds - source.seconds) if source else None,
        start_ms=None if lines.late is None else 1000 * lines.late / RATE,
        original_left_db=left_db(lines.left),
    )


class _Lines:
    """Every line of a script in a release, and what is left of the original in it."""

    def __init__(self, released: Released, script: Script, source: Source | None) -> None:
        self._sound, self._source = released.sound, source
        self._takes = {take.line_id: (take, path) for take, path in script.takes}
        places = script.timeline.placements
        told = {place.line_id: place.onset for place in places}
        self._wanted = match_onsets(told, source.speech, within=DRIFT_SECONDS) if source else told
        self.late = start_frames(released.sound, source, script.timeline) if source else None
        measured = list(each(self._line, script.timeline.placements))
        self.heard = tuple(line for line, _ in measured)
        self.left = [left for line, left in measured if left and line.found]

    def _line(self, place: Placement) -> tuple[HeardLine, Left | None]:
        said = say_placed(*self._takes[place.line_id], place)
        at = located(self._sound, said, place.start)
        wanted = self._wanted.get(place.line_id)
        if self._source is None:
            return heard_line(at, said, place, wanted=wanted), None
        original = original_at(at, self._source, self.late or 0)
        line = heard_line(at, said, place, wanted=wanted, original=original.sound)
        return line, left_of(at, original)


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None
