"""What a track's loudness must be, and the gain that gets it there.

-16 LUFS and a true peak under -1.5 dBTP are what is aimed at; the gate on publishing is a
little wider, because a lossy encoder moves both.
"""

from __future__ import annotations

TARGET_LUFS = -16.0
TRUE_PEAK_DB = -1.5
LUFS_TOLERANCE = 0.5
GATE_LUFS_TOLERANCE = 1.0
GATE_TRUE_PEAK_DB = -1.0
SILENCE_LUFS = -70.0
# More gain than this would lift the noise of a nearly silent source into a roar.
MOST_GAIN_DB = 40.0


def gain_db(lufs: float, target: float = TARGET_LUFS) -> float:
    """The gain in dB from a measured loudness to the target; none for silence."""
    if lufs <= SILENCE_LUFS:
        return 0.0
    return max(-MOST_GAIN_DB, min(MOST_GAIN_DB, target - lufs))


def is_on_target(lufs: float, true_peak_db: float) -> bool:
    """Whether a measured track may stay as it is."""
    return abs(lufs - TARGET_LUFS) <= LUFS_TOLERANCE and true_peak_db <= TRUE_PEAK_DB


def passes_gate(lufs: float, true_peak_db: float) -> bool:
    """Whether a measured track may be published."""
    return abs(lufs - TARGET_LUFS) <= GATE_LUFS_TOLERANCE and true_peak_db <= GATE_TRUE_PEAK_DB
