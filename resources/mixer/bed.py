"""The bed: the source's sound, read wherever it is wanted, ducked where anyone speaks.

    heard = listened(path, frames)                        # how loud it is, step by step
    bed = Bed(path, middle=envelope, sides=envelope)
    middle, sides = bed.at(first, frames)                 # float32, (frames,) each

Left and right are their middle plus and minus their sides, m = (l + r) / 2 and s = (l - r) / 2,
and the power of both together is 2 (m^2 + s^2): so it is known how loud the bed is after its
middle and its sides are turned down, and the bed is listened to once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from dub_platform.core import mixing
from dub_platform.core.mixing import RATE, Envelope
from resources.mixer.meter import steps
from resources.mixer.pieces import STEP, Piece, each, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]
    Power = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """The K-weighted power of a bed's middle and sides in each 100 ms, as both channels have it."""

    middle: Power
    sides: Power

    @property
    def both(self) -> Power:
        return self.middle + self.sides


@dataclass(frozen=True)
class Bed:
    """The sound at `path` (48 kHz stereo), its middle and its sides turned down over time."""

    path: Path
    middle: Envelope
    sides: Envelope

    def at(self, first: int, frames: int) -> tuple[Sound, Sound]:
        """Middle and sides from frame `first` on; what is after the file's end is silence."""
        middle, sides = middle_and_sides(self.path, first, frames)
        middle *= self.middle.at(first, frames)
        sides *= self.sides.at(first, frames)
        return middle, sides

    def steps(self, heard: Heard) -> Power:
        """The power that is left in each 100 ms, of both channels."""
        count = len(heard.middle)
        return heard.middle * _power(self.middle, count) + heard.sides * _power(self.sides, count)


class Silence:
    """No bed: a track that is the dub alone."""

    def at(self, first: int, frames: int) -> tuple[Sound, Sound]:  # noqa: ARG002 - at any time
        """Middle and sides of nothing."""
        return np.zeros(frames, np.float32), np.zeros(frames, np.float32)

    def steps(self, heard: Heard) -> Power:
        """The power that is left: none."""
        return np.zeros(len(heard.middle))


def middle_and_sides(path: Path, first: int, frames: int) -> tuple[Sound, Sound]:
    """The two of a stretch of a stereo file: float32, (frames,) each."""
    with soundfile.SoundFile(path) as file:
        there = max(0, min(frames, file.frames - first))
        steps = np.zeros((frames, 2), np.int16)
        if there:
            file.seek(first)
            file.read(there, out=steps[:there])
    # Sounds are kept with 16 bits, and numpy is faster than libsndfile at making numbers of them.
    left, right = (steps * np.float32(0.5 / 32_768)).T
    return left + right, left - right


def listened(path: Path, frames: int) -> Heard:
    """How loud the middle and the sides of the file are, over the first `frames`."""
    heard = list(each(lambda piece: _heard(path, piece), pieces(frames)))
    return Heard(*(2 * np.concatenate(power) for power in zip(*heard, strict=True)))


def _heard(path: Path, piece: Piece) -> Sequence[Power]:
    both = middle_and_sides(path, piece.begin, piece.last - piece.begin)
    return [steps(channel[np.newaxis], piece.first - piece.begin) for channel in both]


def _power(envelope: Envelope, count: int) -> Power:
    """What the envelope leaves of the power, in the middle of each of so many steps."""
    seconds = (np.arange(count) + 0.5) * STEP / RATE
    left: Power = np.square(mixing.linear(envelope.decibels_at(seconds)))
    return left
