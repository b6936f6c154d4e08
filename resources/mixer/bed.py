"""The bed: the source's sound, turned down ("ducked") where anybody speaks.

    powers = measure_bed(path, frames)                    # its power, step by step
    bed = Bed(path, middle=envelope, sides=envelope)
    middle, sides = bed.at(first, frames)                 # float32, (frames,) each

Left and right are middle plus and minus sides: m = (l + r) / 2 and s = (l - r) / 2. The power of
both channels is 2 (m^2 + s^2), so the power after ducking follows from one measurement of the file.
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
class BedPower:
    """K-weighted power of a bed's middle and sides in each 100 ms, summed over both channels."""

    middle: Power
    sides: Power

    @property
    def both(self) -> Power:
        return self.middle + self.sides


@dataclass(frozen=True)
class Bed:
    """The sound at `path` (48 kHz stereo), with middle and sides turned down along envelopes."""

    path: Path
    middle: Envelope
    sides: Envelope

    def at(self, first: int, frames: int) -> tuple[Sound, Sound]:
        """Return middle and sides from frame `first` on, with silence after the file's end."""
        middle, sides = middle_and_sides(self.path, first, frames)
        middle *= self.middle.at(first, frames)
        sides *= self.sides.at(first, frames)
        return middle, sides

    def steps(self, heard: BedPower) -> Power:
        """Return the power of both channels that remains in each 100 ms."""
        count = len(heard.middle)
        return heard.middle * _power(self.middle, count) + heard.sides * _power(self.sides, count)


class Silence:
    """A bed without sound, for a track that is the dub alone."""

    def at(self, first: int, frames: int) -> tuple[Sound, Sound]:  # noqa: ARG002 - at any time
        """Return silent middle and sides."""
        return np.zeros(frames, np.float32), np.zeros(frames, np.float32)

    def steps(self, heard: BedPower) -> Power:
        """Return zero power for each 100 ms."""
        return np.zeros(len(heard.middle))


def middle_and_sides(path: Path, first: int, frames: int) -> tuple[Sound, Sound]:
    """Read middle and sides of a part of a stereo file: float32, (frames,) each."""
    with soundfile.SoundFile(path) as file:
        there = max(0, min(frames, file.frames - first))
        steps = np.zeros((frames, 2), np.int16)
        if there:
            file.seek(first)
            file.read(there, out=steps[:there])
    # The files have 16 bits; numpy converts them to float faster than libsndfile does.
    left, right = (steps * np.float32(0.5 / 32_768)).T
    return left + right, left - right


def measure_bed(path: Path, frames: int) -> BedPower:
    """Measure the power of the file's middle and sides, over the first `frames`."""
    heard = list(each(lambda piece: _measure_piece(path, piece), pieces(frames)))
    return BedPower(*(2 * np.concatenate(power) for power in zip(*heard, strict=True)))


def _measure_piece(path: Path, piece: Piece) -> Sequence[Power]:
    """Return the power of middle and sides in each step of a piece."""
    both = middle_and_sides(path, piece.begin, piece.last - piece.begin)
    return [steps(channel[np.newaxis], piece.first - piece.begin) for channel in both]


def _power(envelope: Envelope, count: int) -> Power:
    """Return the share of the power that the envelope leaves, in the middle of each step."""
    seconds = (np.arange(count) + 0.5) * STEP / RATE
    left: Power = np.square(mixing.linear(envelope.decibels_at(seconds)))
    return left
