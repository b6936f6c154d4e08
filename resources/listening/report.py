"""Measures a whole release: its length, each line, and what is left of the original.

    measured = measure_release(Path("track.m4a"), into=folder, script=script, source=source)
    measured.onset_p95_ms, measured.overlaps, measured.cut, measured.voice_to_bed_db

What cannot be measured is None or empty: without takes no line is measured, without the source
nothing is compared to it. Loudness is measured by `ffmpeg.measure`. The file is decoded once, to
disk; then each core holds one line in memory, however long the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from dub_platform.core.mixing import RATE
from dub_platform.core.speech import Take
from dub_platform.core.timeline import Placement, Timeline
from dub_platform.core.timing.onsets import match_onsets
from resources.listening.lines import LOST_SHARE, HeardLine, locate, measure_line
from resources.listening.original import (
    Left,
    Source,
    left_db,
    left_of,
    original_at,
    start_frames,
)
from resources.listening.released import Released, decode_release
from resources.media.time_stretch import say_placed
from resources.mixer.pieces import each

# A voice that begins further from a line's onset belongs to another line.
DRIFT_SECONDS = 1.5
# Two takes that overlap by less only touch.
TOUCHING_SECONDS = 0.005


@dataclass(frozen=True)
class Script:
    """The timeline of a dub, and the recordings of its takes."""

    timeline: Timeline
    takes: Sequence[tuple[Take, Path]]


@dataclass(frozen=True)
class Measurement:
    """The measurements of a release: times in ms, levels in dB."""

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
        """The ids of lines that are surely not spoken near their places.

        A line too soft to be told from the sound beside it is neither found nor missing.
        """
        usual = float(np.median([line.gain for line in self.found])) if self.found else math.inf
        return tuple(
            line.line_id
            for line in self.lines
            if not line.found and line.most_gain < LOST_SHARE * usual
        )

    @property
    def cut(self) -> tuple[int, ...]:
        """The ids of lines whose beginning or end is surely lost."""
        return tuple(line.line_id for line in self.found if line.lost_seconds)

    @property
    def overlaps(self) -> tuple[int, ...]:
        """The ids of lines that begin while an earlier one is still heard."""
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
        """The measured values (not the counts) by name; None where a value cannot be measured."""
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
        """The 95th percentile of the distance between a line's start and the original speaker's.

        With the source, the original's start is where its sound has a voice, whatever captions or a
        recogniser say.
        """
        late = [line.onset_ms for line in self.found]
        return _percentile([abs(each) for each in late if each is not None], 95)

    @property
    def misplaced_ms(self) -> float | None:
        """The largest distance between a line's start and its planned time."""
        return _percentile([abs(line.misplaced_ms) for line in self.found], 100)

    @property
    def tempo_p95(self) -> float | None:
        return _percentile([line.tempo for line in self.lines], 95)

    @property
    def voice_to_bed_db(self) -> float | None:
        """The voice's level over the bed, in the line where it is lowest but for one in twenty."""
        return _percentile([line.voice_to_bed_db for line in self.found], 5)


NOTHING_SAID = Script(Timeline(0.0, ()), ())


def measure_release(
    path: Path,
    *,
    into: Path,
    stream: int = 0,
    script: Script = NOTHING_SAID,
    source: Source | None = None,
) -> Measurement:
    """Measure the audio stream of this number in a released file. Raises MediaToolError."""
    released = decode_release(path, into=into, stream=stream)
    lines = _Lines(released, script, source)
    return Measurement(
        seconds=released.seconds,
        lines=lines.heard,
        length_ms=1000 * (released.seconds - source.seconds) if source else None,
        start_ms=None if lines.late is None else 1000 * lines.late / RATE,
        original_left_db=left_db(lines.left),
    )


class _Lines:
    """All lines of a script in a release, and what is left of the original in them."""

    def __init__(self, released: Released, script: Script, source: Source | None) -> None:
        self._sound, self._source = released.sound, source
        self._takes = {take.line_id: (take, path) for take, path in script.takes}
        places = script.timeline.placements
        told = {place.line_id: place.onset for place in places}
        self._wanted = match_onsets(told, source.speech, within=DRIFT_SECONDS) if source else told
        self.late = start_frames(released.sound, source, script.timeline) if source else None
        measured = list(each(self._measure_line, script.timeline.placements))
        self.heard = tuple(line for line, _ in measured)
        self.left = [left for line, left in measured if left and line.found]

    def _measure_line(self, place: Placement) -> tuple[HeardLine, Left | None]:
        said = say_placed(*self._takes[place.line_id], place)
        at = locate(self._sound, said, place.start)
        wanted = self._wanted.get(place.line_id)
        if self._source is None:
            return measure_line(at, said, place, wanted=wanted), None
        original = original_at(at, self._source, self.late or 0)
        line = measure_line(at, said, place, wanted=wanted, original=original.sound)
        return line, left_of(at, original)


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None
