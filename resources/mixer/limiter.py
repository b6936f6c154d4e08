"""The limiter: how far to turn each moment down so that no peak exceeds the ceiling.

    reduction = reductions(true_peaks(sound, above=ceiling), ceiling)     # dB, >= 0, by hop
    sound *= gains(reduction, frames)

A hop that is n(h) dB too high is turned down by that much; its neighbours along a straight line in
dB before it (attack) and a falling exponential after it (release):

    r(h) = max over k of  n(k) - ATTACK * (k - h)          for k >= h
                          n(k) * exp(-RELEASE * (h - k))   for k <= h

So a small reduction ends slowly, which is not audible, and a large one fast, or one peak would keep
down what follows. Both are running maxima with a ramp, of n backwards and of log n forwards, so the
result does not depend on where a piece begins, once the reduction before it has faded.
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

# 0.75 dB per ms before a peak; 50 ms after it, the default of ffmpeg's alimiter.
ATTACK = 0.75 * HOP * 1000 / RATE
RELEASE = HOP / RATE / 0.050
# In dB; smaller reductions count as none.
LEAST_DB = 1e-4
# A packet's window is two frames long, so the samples around a peak are part of its cause.
DIP_HOPS = AAC_FRAME // HOP
DIP_SLOPE = 0.1


def reductions(peaks: Sound, ceiling: float) -> Sound:
    """Return the reduction in dB of each hop with this true peak: float32, (hops,)."""
    needed = 20.0 * np.log10(np.maximum(peaks / ceiling, 1.0))
    # Gains are interpolated between hops, so both neighbours of a peak must be turned down too.
    wide = _widen(needed, 1)
    return np.maximum(_attack(wide, ATTACK), _release(wide)).astype(np.float32)


def dips(over: Sound) -> Sound:
    """Return the reduction in dB for hops whose encoded peaks exceed the ceiling by `over` dB."""
    wide = _widen(over, DIP_HOPS)
    both = np.maximum(_attack(wide, DIP_SLOPE), _attack(wide[::-1], DIP_SLOPE)[::-1])
    return both.astype(np.float32)


def _widen(needed: Sound, hops: int) -> Sound:
    """Return the maximum of each hop and `hops` neighbours on both sides."""
    padded = np.pad(needed, hops)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * hops + 1).max(axis=1))


def _attack(needed: Sound, slope: float) -> NDArray[np.float64]:
    """Return the attack: lines that rise to each hop by `slope` dB per hop."""
    ramp = slope * np.arange(len(needed), dtype=np.float64)
    lines = np.maximum.accumulate((needed - ramp)[::-1])[::-1] + ramp
    return np.maximum(0.0, lines)


def _release(needed: Sound) -> NDArray[np.float64]:
    """Return the release: exponentials that fall from each hop."""
    ramp = RELEASE * np.arange(len(needed), dtype=np.float64)
    left = np.exp(np.maximum.accumulate(np.log(np.maximum(needed, LEAST_DB)) + ramp) - ramp)
    return np.where(left > LEAST_DB, left, 0.0)


def gains(reduction: Sound, frames: int) -> Sound:
    """Return the linear gain of each frame: float32, (frames,)."""
    if not reduction.any():
        return np.ones(frames, np.float32)
    middles = (np.arange(len(reduction)) + 0.5) * HOP
    linear = np.power(10.0, -reduction / 20.0)
    steady: Sound = np.interp(np.arange(frames), middles, linear).astype(np.float32)
    return steady
