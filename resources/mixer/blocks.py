"""The mixer: numpy between the files and the codec, one piece at a time on each core.

    mixed = BlockMixer().mix(bed, takes, timeline, speech, into=folder)

The bed is measured once and the takes are prepared. From both follows the loudness of every part of
the mix, and so the depth of the ducking, the gain of the takes, and the gain to the target. Then
the mix is made and encoded in pieces. However long the track, each core holds one piece in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from dub_platform.core import loudness, mixing
from dub_platform.core.errors import MediaToolError
from dub_platform.core.mixing import RATE, Ducking
from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import Timeline
from resources.mixer.bed import Bed, BedPower, Silence, measure_bed
from resources.mixer.encoding import encode_mix
from resources.mixer.pieces import STEP
from resources.mixer.port import Mixed
from resources.mixer.voices import Voices, prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]


@dataclass(frozen=True)
class BlockMixer:
    """Mixes in pieces, on as many cores as the smallest worker has.

    Without `original`, the track is the dub alone, over silence.
    """

    ducking: Ducking = field(default_factory=Ducking)
    original: bool = True

    def mix(
        self,
        bed: Path,
        takes: Sequence[tuple[Take, Path]],
        timeline: Timeline,
        speech: Sequence[Span],
        *,
        into: Path,
    ) -> Mixed:
        frames = round((timeline.seconds + timeline.overrun) * RATE)
        # Each core works on a piece; BLAS threads within a piece would only compete for the cores.
        with _translating_read_errors(), threadpool_limits(1, "blas"):
            voices = prepare(takes, timeline, into)
            heard = measure_bed(bed, frames)
            left = self._duck(bed, heard, timeline, speech) if self.original else Silence()
            voice_db = _voice_db(heard, left, voices, speech)
            mix = Mix(frames, left, voices, mixing.linear(voice_db))
            return encode_mix(mix, _gain_db(mix, heard), into=into)

    def _duck(self, bed: Path, heard: BedPower, timeline: Timeline, speech: Sequence[Span]) -> Bed:
        """Return the bed, ducked while anybody speaks."""
        depth_db, busy = -self.ducking.depth_db, _busy(timeline, speech)
        lines = {"attack": self.ducking.attack_seconds, "release": self.ducking.release_seconds}
        sides_db = _sides_depth_db(heard, speech, depth_db)
        return Bed(
            bed,
            middle=mixing.duck(busy, depth_db=depth_db, **lines),
            sides=mixing.duck(busy, depth_db=sides_db, **lines),
        )


@dataclass(frozen=True)
class Mix:
    """The ducked bed with the takes over it, `frames` long."""

    frames: int
    bed: Bed | Silence
    voices: Voices
    voice_gain: float

    def at(self, begin: int, end: int) -> Sound:
        """Return left and right from frame `begin` to `end`: float32, (2, frames)."""
        middle, sides = self.bed.at(begin, end - begin)
        middle += np.float32(self.voice_gain) * self.voices.at(begin, end - begin)
        return np.stack([middle + sides, middle - sides])


def _busy(timeline: Timeline, speech: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans in which the original or a take speaks."""
    spoken = [Span(placement.start, placement.end) for placement in timeline.placements]
    return (*mixing.widen_speech(speech), *spoken)


def _steps_in_speech(speech: Sequence[Span], count: int) -> NDArray[np.bool_]:
    """Return for each step whether it is in speech: bool, (count,)."""
    whole = mixing.duck(mixing.widen_speech(speech), depth_db=-100.0)
    return whole.decibels_at((np.arange(count) + 0.5) * STEP / RATE) < -50.0


def _sides_depth_db(heard: BedPower, speech: Sequence[Span], depth_db: float) -> float:
    """Return how far to duck the sides: as far as they hold the voice, by their power in and out
    of speech."""
    spoken = _steps_in_speech(speech, len(heard.sides))
    in_speech, elsewhere = heard.sides[spoken], heard.sides[~spoken]
    return mixing.sides_depth_db(
        float(in_speech.mean()) if len(in_speech) else 0.0,
        float(elsewhere.mean()) if len(elsewhere) else 0.0,
        depth_db,
    )


def _voice_db(heard: BedPower, bed: Bed | Silence, voices: Voices, speech: Sequence[Span]) -> float:
    """Return the gain of the takes in dB: as loud as the original speech, and well above the
    ducked bed."""
    said = 2.0 * voices.steps(len(heard.both))
    original = loudness.integrate(heard.both[_steps_in_speech(speech, len(said))])
    # Without the steps in which a take begins or ends, because there the ducking is in motion.
    left = loudness.integrate(bed.steps(heard)[said > 0.1 * said.mean()])
    wanted = mixing.voice_lufs(original, left)
    return loudness.gain_db(loudness.integrate(said), wanted)


def _gain_db(mix: Mix, heard: BedPower) -> float:
    """Return the gain in dB that brings the mix to its target loudness, before any limiting."""
    said = 2.0 * mix.voice_gain**2 * mix.voices.steps(len(heard.both))
    return loudness.gain_db(loudness.integrate(mix.bed.steps(heard) + said))


@contextmanager
def _translating_read_errors() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise MediaToolError(
            "A sound that this track is made of cannot be read: it is damaged in the store. "
            "Materialize audio and speech again.",
            detail=str(error),
        ) from error
