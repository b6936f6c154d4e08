"""The takes of a track, at their tempos and places, prepared in a file.

    voices = prepare(takes, timeline, into=folder)
    voices.at(first, frames)                        # float32, (frames,)

All takes lie in one file, and only what is needed is read: however many takes there are, each core
holds one of them in memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dub_platform.core.mixing import RATE
from dub_platform.core.speech import Take
from dub_platform.core.timeline import Placement, Timeline
from resources.media.time_stretch import say_placed
from resources.mixer.meter import steps
from resources.mixer.pieces import STEP, each
from resources.system.disk import translating_full_disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """One take: `frames` samples from frame `first` of the track, at sample `offset` of the
    file."""

    first: int
    frames: int
    offset: int
    power: NDArray[np.float64]


@dataclass(frozen=True)
class Voices:
    """All takes by their first frame, in `file`: mono float32 at 48 kHz, one after another."""

    file: Path
    all: Sequence[Voice]

    def at(self, first: int, frames: int) -> Sound:
        """Return the sum of all takes from frame `first` on: float32, (frames,)."""
        block: Sound = np.zeros(frames, np.float32)
        for voice in self._around(first, first + frames):
            begin, end = max(first, voice.first), min(first + frames, voice.first + voice.frames)
            if begin < end:
                offset = 4 * (voice.offset + begin - voice.first)
                said = np.fromfile(self.file, np.float32, end - begin, offset=offset)
                block[begin - first : end - first] += said
        return block

    def steps(self, count: int) -> NDArray[np.float64]:
        """Return the K-weighted power of each 100 ms of the track."""
        power = np.zeros(count)
        for voice in self.all:
            begin = voice.first // STEP
            said = voice.power[: max(0, count - begin)]
            power[begin : begin + len(said)] += said
        return power

    def _around(self, begin: int, end: int) -> Sequence[Voice]:
        """Return the takes that may sound between two frames: some begin earlier, by the longest
        at most."""
        longest = max((voice.frames for voice in self.all), default=0)
        firsts = [voice.first for voice in self.all]
        return self.all[bisect_left(firsts, begin - longest) : bisect_left(firsts, end)]


def prepare(takes: Sequence[tuple[Take, Path]], timeline: Timeline, into: Path) -> Voices:
    """Prepare every take of the timeline, on all cores. Raises StorageFullError."""
    file = into / "voices.f32"
    by_line = {take.line_id: (take, path) for take, path in takes}
    ordered = sorted(timeline.placements, key=lambda placement: placement.start)
    said = each(lambda placement: _prepare_take(*by_line[placement.line_id], placement), ordered)
    with translating_full_disk(file.name), file.open("wb") as out:
        return Voices(file, list(_write_voices(said, out)))


def _write_voices(
    said: Iterator[tuple[int, Sound, NDArray[np.float64]]], out: Any
) -> Iterator[Voice]:
    offset = 0
    for first, sound, power in said:
        out.write(sound.tobytes())
        yield Voice(first, len(sound), offset, power)
        offset += len(sound)


def _prepare_take(
    take: Take, path: Path, placement: Placement
) -> tuple[int, Sound, NDArray[np.float64]]:
    """Return a take's first frame in the track, its sound, and its power by the track's steps."""
    voice, start = say_placed(take, path, placement), round(placement.start * RATE)
    # Cut the sound before the speech if it would lie before the video's start.
    left_out = max(0, voice.lead - start)
    first, sound = start - voice.lead + left_out, voice.sound[left_out:]
    before = first % STEP
    whole = np.zeros((1, -(-(before + len(sound)) // STEP) * STEP), np.float32)
    whole[0, before : before + len(sound)] = sound
    return first, sound, steps(whole)
