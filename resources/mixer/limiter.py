"""The limiter: how far each moment is turned down so that no peak is over the ceiling.

    reduction = reductions(true_peaks(sound, above=ceiling), ceiling)     # dB, >= 0, by hop
    sound *= gains(reduction, frames)

A hop that is too high by n(h) dB is turned down by that, and its neighbours along a straight line
in dB before it (attack) and a falling exponential after it (release):

    r(h) = max over k of  n(k) - ATTACK * (k - h)          for k >= h
                          n(k) * exp(-RELEASE * (h - k))   for k <= h

So a little is let go of slowly, which is not heard, and much of it fast, or one peak would keep
what follows it down. Both are running maxima with a ramp, of n backwards and of log n forwards:
nothing in them depends on where a piece begins, once what was before it has come down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.mixing import RATE
from resources.mixer.meter import HOP
from resources.mixer.pieces import AAC_FRAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# 0.75 dB a millisecond before a peak, and 50 ms after it as ffmpeg's alimiter is usually set.
ATTACK = 0.75 * HOP * 1000 / RATE
RELEASE = HOP / RATE / 0.050
# What is less than this is nothing: dB.
LEAST_DB = 1e-4
# A packet's window is two frames long, and what it rings into is a part of the peak.
DIP_HOPS = AAC_FRAME // HOP
DIP_SLOPE = 0.1


def reductions(peaks: Sound, ceiling: float) -> Sound:
    """By how many dB each hop with this true peak is turned down: float32, shape (hops,)."""
    needed = 20.0 * np.log10(np.maximum(peaks / ceiling, 1.0))
    # A gain moves from hop to hop in a line: both hops beside one must have come down, too.
    wide = _widened(needed, 1)
    return np.maximum(_before(wide, ATTACK), _released(wide)).astype(np.float32)


def dips(over: Sound) -> Sound:
    """By how many dB hops are turned down whose packets made peaks that are `over` by so many."""
    wide = _widened(over, DIP_HOPS)
    both = np.maximum(_before(wide, DIP_SLOPE), _before(wide[::-1], DIP_SLOPE)[::-1])
    return both.astype(np.float32)


def _widened(needed: Sound, hops: int) -> Sound:
    """The highest of each hop and of so many on both sides of it."""
    padded = np.pad(needed, hops)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * hops + 1).max(axis=1))


def _before(needed: Sound, slope: float) -> NDArray[np.float64]:
    """Down to each hop along a line of so many dB a hop."""
    ramp = slope * np.arange(len(needed), dtype=np.float64)
    lines = np.maximum.accumulate((needed - ramp)[::-1])[::-1] + ramp
    return np.maximum(0.0, lines)


def _released(needed: Sound) -> NDArray[np.float64]:
    """Up again from each hop."""
    ramp = RELEASE * np.arange(len(needed), dtype=np.float64)
    left = np.exp(np.maximum.accumulate(np.log(np.maximum(needed, LEAST_DB)) + ramp) - ramp)
    return np.where(left > LEAST_DB, left, 0.0)


def gains(reduction: Sound, frames: int) -> Sound:
    """Linear gains for each frame: float32, shape (frames,)."""
    if not reduction.any():
        return np.ones(frames, np.float32)
    middles = (np.arange(len(reduction)) + 0.5) * HOP
    linear = np.power(10.0, -reduction / 20.0)
    steady: Sound = np.interp(np.arange(frames), middles, linear).astype(np.float32)
    return steady
