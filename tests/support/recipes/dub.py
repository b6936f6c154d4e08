"""A dub's track from the real mixer, whose takes can be found again to the sample.

    path = make_dub(folder, seconds=25.0)
    found = located(take(0), decoded(path)[:, 0], near=ONSETS[0])

The first take begins with the track, and one lies across the border of two of the mixer's pieces.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from dub_platform.core.speech import Take
from dub_platform.core.timeline import Placement, Timeline
from resources.mixer.blocks import BlockMixer
from tests.support.measuring import at_48_khz
from tests.support.recipes.media import RATE, noise, silence, stereo

ONSETS = (0.0, 1.5, 3.37, 19.0)
_TAKE_SECONDS = 0.8
# What AAC keeps as it was.
_NOISE_RATE = 16_000


def take(number: int) -> NDArray[np.float64]:
    """What a take says: mono noise at 48 kHz that no other take has."""
    sound: Any = noise(_TAKE_SECONDS, seed=number + 1, rate=_NOISE_RATE)
    return 0.5 * at_48_khz(sound, _NOISE_RATE)


def make_dub(folder: Path, *, seconds: float) -> Path:
    """The M4A of takes over a silent bed, one at each of `ONSETS` that lies within the track."""
    bed = folder / "bed.flac"
    soundfile.write(bed, stereo(silence(seconds), silence(seconds)), RATE)
    starts = [start for start in ONSETS if start + _TAKE_SECONDS < seconds]
    placements = tuple(
        Placement(number, start, _TAKE_SECONDS, 1.0) for number, start in enumerate(starts)
    )
    takes = [_record(folder, number) for number in range(len(starts))]
    timeline = Timeline(seconds, placements)
    return BlockMixer().mix(bed, takes, timeline, (), into=folder).path


def _record(folder: Path, number: int) -> tuple[Take, Path]:
    path = folder / f"take-{number}.flac"
    soundfile.write(path, take(number), RATE)
    return Take(number, f"key-{number}", path.name, _TAKE_SECONDS, 0.0, _TAKE_SECONDS, 20), path
