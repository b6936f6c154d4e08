"""Finds clicks at the edges of a take: bursts that neither the voice nor the surroundings explain.

    count = edge_clicks(located, begin, end, original)

The take is subtracted from the released sound, and the rest is high-passed at 4 kHz, where speech
and music are weak and a click is not. A power of 1 ms within 8 ms of an edge is a click if it is
above -60 dB, above the take's own power there less 6 dB, and 14 dB above the median of the 100 ms
around it (or 6 dB more than the source stands out there). A take has two edges, so two clicks at
most.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dub_platform.core.mixing import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]
    Power = NDArray[np.float64]

HIGH_PASS_HERTZ = 4_000
NEAR_MS, AROUND_MS = 8, 50
OVER_SURROUNDINGS_DB = 14.0
# A drum beat of the source at an edge is no click, so the source's own peak is allowed.
OVER_ORIGINAL_DB = 6.0
UNDER_VOICE_DB = -6.0
AUDIBLE_DB = -60.0
_MS = RATE // 1000


class Edged(Protocol):
    """A take in the released sound, and the sound beside it: (2, frames) or (frames,)."""

    @property
    def gain(self) -> float: ...

    @property
    def voice(self) -> Sound: ...

    @property
    def bed(self) -> Sound: ...


def edge_clicks(take: Edged, begin: int, end: int, original: Sound | None = None) -> int:
    """Count the clicks at the two edges of a take; `begin` and `end` are frames of the take."""
    rest, voice = _powers(take.bed.mean(axis=0)), take.gain**2 * _powers(take.voice)
    beside = None if original is None else _powers(original)
    return sum(_is_click(rest, voice, beside, edge // _MS) for edge in (begin, end))


def _is_click(rest: Power, voice: Power, original: Power | None, edge: int) -> bool:
    near = slice(max(0, edge - NEAR_MS), edge + NEAR_MS)
    if not len(rest[near]):
        return False
    stands_out = 0.0 if original is None else _power(OVER_ORIGINAL_DB) * _ratio(original, edge)
    allowed = max(
        _surroundings(rest, edge) * max(_power(OVER_SURROUNDINGS_DB), stands_out),
        float(voice[near].max()) * _power(UNDER_VOICE_DB),
        _power(AUDIBLE_DB),
    )
    return bool(rest[near].max() > allowed)


def _ratio(power: Power, edge: int) -> float:
    """Return how far the power near an edge stands out of its surroundings."""
    near = power[max(0, edge - NEAR_MS) : edge + NEAR_MS]
    return float(near.max()) / (_surroundings(power, edge) + _power(2 * AUDIBLE_DB))


def _surroundings(power: Power, edge: int) -> float:
    return float(np.median(power[max(0, edge - AROUND_MS) : edge + AROUND_MS]))


def _powers(sound: Sound) -> Power:
    """Return the mean power above 4 kHz of each whole millisecond."""
    from scipy.signal import sosfilt

    high = sosfilt(_high_pass(), sound)
    whole = high[: len(high) // _MS * _MS].reshape(-1, _MS)
    return np.asarray(np.mean(np.square(whole), axis=1))


@lru_cache(maxsize=1)
def _high_pass() -> NDArray[np.float32]:
    from scipy.signal import butter

    sections = butter(4, HIGH_PASS_HERTZ, "highpass", fs=RATE, output="sos")
    return np.asarray(sections, np.float32)


def _power(decibels: float) -> float:
    return float(10 ** (decibels / 10))
