"""What a track's loudness must be, and the gain that gets it there.

-16 LUFS and a true peak under -1.5 dBTP are what is aimed at; the gate on publishing is a
little wider, because a lossy encoder moves both.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET_LUFS = -16.0
TRUE_PEAK_DB = -1.5
LUFS_TOLERANCE = 0.5
GATE_LUFS_TOLERANCE = 1.0
GATE_TRUE_PEAK_DB = -1.0
SILENCE_LUFS = -70.0
# More gain than this would lift the noise of a nearly silent source into a roar.
MOST_GAIN_DB = 40.0
# BS.1770: what K-weighting adds to a tone of 1 kHz, and how blocks and gates are made.
_OFFSET_DB = -0.691
_STEPS_A_BLOCK = 4
_GATE_LU = -10.0


def of_power(power: float) -> float:
    """Return the loudness in LUFS of a K-weighted power, all channels added up; silence is -70."""
    return max(SILENCE_LUFS, _OFFSET_DB + 10.0 * math.log10(max(power, 1e-12)))


def integrate(steps: NDArray[np.float64]) -> float:
    """Return the integrated loudness in LUFS, from the K-weighted power of each 100 ms: shape
    (steps,).

    As in ITU-R BS.1770-5: blocks of 400 ms that overlap by three quarters, without those under -70
    LUFS, then without those 10 LU under the loudness of the rest.
    """
    if len(steps) < _STEPS_A_BLOCK:
        return SILENCE_LUFS
    blocks = np.convolve(steps, np.full(_STEPS_A_BLOCK, 1 / _STEPS_A_BLOCK), mode="valid")
    audible = blocks[blocks > _power(SILENCE_LUFS)]
    if not len(audible):
        return SILENCE_LUFS
    return of_power(audible[audible > _power(of_power(audible.mean()) + _GATE_LU)].mean())


def _power(loudness: float) -> float:
    return float(10.0 ** ((loudness - _OFFSET_DB) / 10.0))


def gain_db(lufs: float, target: float = TARGET_LUFS) -> float:
    """Return the gain in dB from a measured loudness to the target; 0 for silence."""
    if lufs <= SILENCE_LUFS:
        return 0.0
    return max(-MOST_GAIN_DB, min(MOST_GAIN_DB, target - lufs))


def passes_gate(lufs: float, true_peak_db: float) -> bool:
    """Tell whether a track of this loudness (LUFS) and true peak (dBTP) may be published."""
    return abs(lufs - TARGET_LUFS) <= GATE_LUFS_TOLERANCE and true_peak_db <= GATE_TRUE_PEAK_DB
