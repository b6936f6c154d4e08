"""The limiter: how far each moment is turned down so that no peak is over the ceiling.

    reduction = reductions(true_peaks(sound, above=ceiling), ceiling)     # dB, >= 0, by hop
    sound *= gains(reduction, frames)

A hop that is too high by n(h) dB is turned down by that, and its neighbours along straight lines
in dB, steep before it (attack) and flat after (release):

    r(h) = max over k of  n(k) - ATTACK * (k - h)   for k >= h
                          n(k) - RELEASE * (h - k)  for k <= h

which is a running maximum of n plus a ramp, forwards and backwards: nothing in it depends on
where a piece begins, once the lines from before it have come down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from resources.mixer.meter import HOP
from resources.mixer.pieces import AAC_FRAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# dB a hop: 0.75 dB a millisecond before a peak, 60 dB a second after it.
ATTACK = 1.0
RELEASE = 0.16
# A packet's window is two frames long, and what it rings into is a part of the peak.
DIP_HOPS = AAC_FRAME // HOP
DIP_SLOPE = 0.1


def reductions(peaks: Sound, ceiling: float) -> Sound:
    """By how many dB each hop with this true peak is turned down: float32, shape (hops,)."""
    needed = 20.0 * np.log10(np.maximum(peaks / ceiling, 1.0))
    # A gain moves from hop to hop in a line: both hops beside one must have come down, too.
    return _sloped(_widened(needed, 1), ATTACK, RELEASE)


def dips(over: Sound) -> Sound:
    """By how many dB hops are turned down whose packets made peaks that are `over` by so many."""
    return _sloped(_widened(over, DIP_HOPS), DIP_SLOPE, DIP_SLOPE)


def _widened(needed: Sound, hops: int) -> Sound:
    """The highest of each hop and of so many on both sides of it."""
    padded = np.pad(needed, hops)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * hops + 1).max(axis=1))


def _sloped(needed: Sound, attack: float, release: float) -> Sound:
    ramp = np.arange(len(needed), dtype=np.float64)
    after = np.maximum.accumulate(needed + release * ramp) - release * ramp
    before = np.maximum.accumulate((needed - attack * ramp)[::-1])[::-1] + attack * ramp
    return np.maximum(0.0, np.maximum(before, after)).astype(np.float32)


def gains(reduction: Sound, frames: int) -> Sound:
    """Linear gains for each frame: float32, shape (frames,)."""
    if not reduction.any():
        return np.ones(frames, np.float32)
    middles = (np.arange(len(reduction)) + 0.5) * HOP
    linear = np.power(10.0, -reduction / 20.0)
    steady: Sound = np.interp(np.arange(frames), middles, linear).astype(np.float32)
    return steady
