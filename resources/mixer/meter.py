"""Measures loudness step by step, and true peaks between samples (ITU-R BS.1770-5).

    power = steps(sound)                            # (steps,), K-weighted, 100 ms each
    peak = true_peaks(sound, above=0.8)             # (hops,), 64 frames each

The loudness of the whole is `core.loudness.integrate(power)`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from resources.mixer.pieces import STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# The unit of peaks, in frames: 1.3 ms, a sixteenth of an AAC frame.
HOP = 64
OVERSAMPLING = 4
# Values between two samples are interpolated from so many samples on each side.
REACH = 16
# BS.1770-5, tables 1 and 2, for 48 kHz: the head's shelf, then the high-pass.
_SHELF = (
    *(1.53512485958697, -2.69169618940638, 1.19839281085285),
    *(1.0, -1.69065929318241, 0.73248077421585),
)
_HIGH_PASS = (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621)


def steps(sound: Sound, skip: int = 0, *, each: int = STEP) -> NDArray[np.float64]:
    """Return the K-weighted power of each 100 ms of `sound` (channels, frames), channels added up.

    The first `skip` frames are filtered but not counted; nor is an incomplete last step. `each` is
    the length of a step in frames.
    """
    from scipy.signal import sosfilt

    count = (sound.shape[1] - skip) // each
    # In single precision the high-pass is off by less than 0.01 dB.
    k_weighting = np.array([_SHELF, _HIGH_PASS], np.float32)
    power = np.zeros(count)
    for channel in sound:
        weighted = sosfilt(k_weighting, channel)
        parts = weighted[skip : skip + count * each].reshape(count, each)
        power += np.square(parts).mean(axis=1)
    return power


def true_peaks(sound: Sound, *, above: float) -> Sound:
    """Return the true peak of each hop of `sound` (channels, frames), over all channels.

    Values between samples are at most `_most_gain()` times those around them. They are computed
    only where they could exceed `above`; elsewhere the highest sample is returned.
    """
    count = -(-sound.shape[1] // HOP)
    peaks = np.zeros(count, np.float32)
    for channel in sound:
        np.maximum(peaks, _channel_peaks(channel, count, above), out=peaks)
    return peaks


def _channel_peaks(channel: Sound, count: int, above: float) -> Sound:
    padded = np.zeros(count * HOP + 2 * REACH, np.float32)
    padded[REACH : REACH + len(channel)] = channel
    peaks: Sound = np.abs(padded[REACH:-REACH].reshape(count, HOP)).max(axis=1)
    around = np.maximum(peaks, np.maximum(np.append(peaks[1:], 0), np.append(0, peaks[:-1])))
    near = np.flatnonzero(around * _most_gain() > above)
    windows = np.lib.stride_tricks.sliding_window_view(padded, HOP + 2 * REACH)[::HOP]
    for some in np.array_split(near, 1 + len(near) // 1024):
        between = np.abs(windows[some] @ _between()).max(axis=1, initial=0.0)
        peaks[some] = np.maximum(peaks[some], between)
    return peaks


@functools.cache
def _between() -> Sound:
    """Return the matrix that computes the three values after each sample of a hop."""
    matrix = np.zeros((HOP + 2 * REACH, HOP, OVERSAMPLING - 1), np.float32)
    for sample in range(HOP):
        matrix[sample + 1 : sample + 1 + 2 * REACH, sample] = _kernel()
    return matrix.reshape(HOP + 2 * REACH, -1)


@functools.cache
def _kernel() -> Sound:
    """Return a windowed sinc for the three places between samples: (2 * REACH, 3).

    Row i belongs to the sample i - REACH + 1 places after the one before the value.
    """
    places = np.arange(1, OVERSAMPLING) / OVERSAMPLING
    distance = np.arange(1 - REACH, 1 + REACH)[:, np.newaxis] - places
    window = np.i0(8.0 * np.sqrt(1 - (distance / REACH) ** 2)) / np.i0(8.0)
    kernel = np.sinc(distance) * window
    return np.asarray(kernel / kernel.sum(axis=0), np.float32)


@functools.cache
def _most_gain() -> float:
    return float(np.abs(_kernel()).sum(axis=0).max())
