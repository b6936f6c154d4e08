"""The mixer there is: numpy between the bed's file and the codec, one piece at a time on each core.

    mixed = BlockMixer().mix(bed, takes, timeline, speech, into=folder)

The bed is listened to once, in middle and sides, the takes are made ready, and from both it is
known how loud every part of the mix will be: how far to duck the sides, how loud the dub is to be,
and the gain to the target. Then the mix is made in pieces and encoded. No more than a piece is in
memory for each core, however long the track.
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
from resources.mixer.bed import Bed, Heard, Silence, listened
from resources.mixer.encoding import encoded
from resources.mixer.pieces import STEP
from resources.mixer.port import Mixed
from resources.mixer.voices import Voices, prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]


@dataclass(frozen=True)
class BlockMixer:
    """Mixes in pieces, on as many cores as the smallest worker has.

    Without `original` the track is the dub alone, over silence.
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
        # The cores are at work on a piece each: threads within one would only wait for each other.
        with _unreadable_sound_named(), threadpool_limits(1, "blas"):
            voices = prepared(takes, timeline, into)
            heard = listened(bed, frames)
            left = self._left(bed, heard, timeline, speech) if self.original else Silence()
            voice_db = _voice_db(heard, left, voices, speech)
            mix = Mix(frames, left, voices, mixing.linear(voice_db))
            return encoded(mix, _gain_db(mix, heard), into=into)

    def _left(self, bed: Path, heard: Heard, timeline: Timeline, speech: Sequence[Span]) -> Bed:
        """The bed, ducked while anybody speaks."""
        depth_db, busy = -self.ducking.depth_db, _busy(timeline, speech)
        lines = {"attack": self.ducking.attack_seconds, "release": self.ducking.release_seconds}
        sides_db = _sides_depth_db(heard, speech, depth_db)
        return Bed(
            bed,
            middle=mixing.ducked(busy, depth_db=depth_db, **lines),
            sides=mixing.ducked(busy, depth_db=sides_db, **lines),
        )


@dataclass(frozen=True)
class Mix:
    """The ducked bed with the voices over it, `frames` long."""

    frames: int
    bed: Bed | Silence
    voices: Voices
    voice_gain: float

    def at(self, begin: int, end: int) -> Sound:
        """Left and right from frame `begin` to `end`: float32, (2, frames)."""
        middle, sides = self.bed.at(begin, end - begin)
        middle += np.float32(self.voice_gain) * self.voices.at(begin, end - begin)
        return np.stack([middle + sides, middle - sides])


def _busy(timeline: Timeline, speech: Sequence[Span]) -> tuple[Span, ...]:
    """When the original voice must not be followed: while it or a take speaks."""
    spoken = [Span(placement.start, placement.end) for placement in timeline.placements]
    return (*mixing.voiced(speech), *spoken)


def _spoken(speech: Sequence[Span], count: int) -> NDArray[np.bool_]:
    """Which of so many steps are in speech."""
    whole = mixing.ducked(mixing.voiced(speech), depth_db=-100.0)
    return whole.decibels_at((np.arange(count) + 0.5) * STEP / RATE) < -50.0


def _sides_depth_db(heard: Heard, speech: Sequence[Span], depth_db: float) -> float:
    """Whether the sides of the bed hold the voice, measured with and without speech."""
    spoken = _spoken(speech, len(heard.sides))
    in_speech, elsewhere = heard.sides[spoken], heard.sides[~spoken]
    return mixing.sides_depth_db(
        float(in_speech.mean()) if len(in_speech) else 0.0,
        float(elsewhere.mean()) if len(elsewhere) else 0.0,
        depth_db,
    )


def _voice_db(heard: Heard, bed: Bed | Silence, voices: Voices, speech: Sequence[Span]) -> float:
    """The gain of the takes: as loud as what they replace, and well over what is left of it."""
    said = 2.0 * voices.steps(len(heard.both))
    original = loudness.integrated(heard.both[_spoken(speech, len(said))])
    # Not where a take has begun or ended within the step: there the bed is on its way.
    left = loudness.integrated(bed.steps(heard)[said > 0.1 * said.mean()])
    wanted = mixing.voice_lufs(original, left)
    return loudness.gain_db(loudness.integrated(said), wanted)


def _gain_db(mix: Mix, heard: Heard) -> float:
    """The gain that brings the mix to its loudness, before anything is limited."""
    said = 2.0 * mix.voice_gain**2 * mix.voices.steps(len(heard.both))
    return loudness.gain_db(loudness.integrated(mix.bed.steps(heard) + said))


@contextmanager
def _unreadable_sound_named() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise MediaToolError(
            "A sound that this track is made of cannot be read: it is damaged in the store. "
            "Materialize audio and speech again.",
            detail=str(error),
        ) from error
