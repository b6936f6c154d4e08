"""How much of speech is left when its tempo was changed: measures against the speech as it was.

    found = likeness(sound, stretched, rate=22_050, tempo=1.2)
    found.mcd_db, found.pitch_p95_cents

What was at t is expected at t / tempo. A delay that is the same from start to end is told apart
(`delay_ms`) and then put right, so that no other measure counts it again. Frames are 5 ms apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Values = NDArray[np.floating]

HOP_SECONDS = 0.005
# Long enough for two periods of 70 Hz; a burst is seen in a short one.
PITCH_WINDOW_SECONDS, SPECTRUM_WINDOW_SECONDS, BURST_WINDOW_SECONDS = 0.04, 0.025, 0.008
LOWEST_HERTZ, HIGHEST_HERTZ = 70.0, 450.0
# A period is one where the cumulative mean normalised difference falls below this (YIN's step 4).
APERIODIC = 0.15
MEL_BANDS, CEPSTRA = 26, 13
SPEECH_RANGE_DB = 40.0
FARTHEST_SECONDS = 0.12
# An event is an onset that is at least a quarter as strong as the strongest ones.
ONSET_SHARE, ONSET_APART_SECONDS, ONSET_NEAR_SECONDS = 0.25, 0.04, 0.02


@dataclass(frozen=True)
class Likeness:
    """What is left of speech.

    `length_ms` is the length against what was asked for, `delay_ms` the constant delay and
    `wander_ms` the 95th percentile of how far parts of 0.2 s are from their place beside it.
    `pitch_*_cents` is how far the pitch is off, `mcd_db` the mel-cepstral distortion (Kubichek
    1993), `onsets_kept` how strong onsets still are (1 is as they were), `onsets_false` how many
    came up for each that was there, `harmonicity_db` the change of the harmonics-to-noise ratio
    (Boersma 1993), `step` the largest step between samples against the original's.
    """

    length_ms: float
    delay_ms: float
    wander_ms: float
    pitch_median_cents: float
    pitch_p95_cents: float
    mcd_db: float
    onsets_kept: float
    onsets_false: float
    harmonicity_db: float
    step: float


def likeness(sound: Sound, stretched: Sound, *, rate: int, tempo: float) -> Likeness:
    """Both are mono (frames,) at `rate`; `stretched` is `sound` at `tempo`."""
    mel, mel_after = _mel(sound, rate), _mel(stretched, rate)
    delay = _delay(_stretch_mel(mel, len(mel_after), tempo), mel_after)
    moments = (np.arange(len(mel_after)) - delay) * tempo
    inside = (moments >= 0) & (moments <= len(mel) - 1)
    mel_before = _at(mel, moments)
    speech = inside & (mel_before.max(axis=1) > mel.max() - SPEECH_RANGE_DB)
    cents, harmonicity = _pitch_change(sound, stretched, rate, moments, inside)
    kept, false = _onsets(sound, stretched, rate, tempo, delay)
    return Likeness(
        length_ms=1000 * (len(stretched) - len(sound) / tempo) / rate,
        delay_ms=1000 * delay * HOP_SECONDS,
        wander_ms=_wander(mel_before, mel_after, speech),
        pitch_median_cents=float(np.median(cents)),
        pitch_p95_cents=float(np.percentile(cents, 95)),
        mcd_db=_distortion(mel_before[speech], mel_after[speech]),
        onsets_kept=kept,
        onsets_false=false,
        harmonicity_db=harmonicity,
        step=float(np.abs(np.diff(stretched)).max() / np.abs(np.diff(sound)).max()),
    )


def spectral_distance_db(sound: Sound, again: Sound, rate: int) -> float:
    """The log-spectral distance (Gray and Markel 1976) of speech there and back."""
    before, after = (_spectra(each, rate, SPECTRUM_WINDOW_SECONDS) for each in (sound, again))
    count = min(len(before), len(after))
    before, after = (_decibels(each[:count]) for each in (before, after))
    speech = before.max(axis=1) > before.max() - SPEECH_RANGE_DB
    floor = before.max() - 2 * SPEECH_RANGE_DB
    gap = np.maximum(before[speech], floor) - np.maximum(after[speech], floor)
    return float(np.mean(np.sqrt(np.mean(np.square(gap), axis=1))))


def _frames(sound: Sound, rate: int, seconds: float) -> Values:
    """(frames, samples): windows around every 5 ms, the first around the first sample."""
    size = 2 * round(seconds * rate / 2)
    padded = np.pad(np.asarray(sound, np.float64), (size // 2, size))
    starts = np.round(np.arange(0, len(sound), HOP_SECONDS * rate)).astype(int)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, size)[starts])


def _spectra(sound: Sound, rate: int, seconds: float) -> Values:
    frames = _frames(sound, rate, seconds)
    return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]))))


def _decibels(magnitudes: Values) -> Values:
    return np.asarray(20 * np.log10(magnitudes + 1e-5))


def _mel(sound: Sound, rate: int) -> Values:
    """(frames, bands) in dB."""
    spectra = _spectra(sound, rate, SPECTRUM_WINDOW_SECONDS)
    hertz = np.linspace(0, rate / 2, spectra.shape[1])
    edges = 700 * (10 ** (np.linspace(0, _in_mel(rate / 2), MEL_BANDS + 2) / 2595) - 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.clip(
        np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)), 0, 1
    )
    return np.asarray(10 * np.log10(np.square(spectra) @ bank.T + 1e-5))


def _in_mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _at(values: Values, moments: Values) -> Values:
    """The rows of `values` at moments that lie between rows."""
    inside = np.clip(moments, 0, len(values) - 1)
    before = np.minimum(inside.astype(int), len(values) - 2)
    share = (inside - before)[:, None]
    return np.asarray((1 - share) * values[before] + share * values[before + 1])


def _greatest(values: Values, near: int) -> Values:
    """The greatest value up to `near` places away from each."""
    padded = np.pad(values, near, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * near + 1).max(axis=1))


def _stretch_mel(mel: Values, count: int, tempo: float) -> Values:
    return _at(mel, np.arange(count) * tempo)


def _delay(expected: Values, found: Values) -> float:
    """In frames, to a fraction of one: where the two are most alike."""
    farthest = round(FARTHEST_SECONDS / HOP_SECONDS)
    lags = np.arange(-farthest, farthest + 1)
    gaps = np.array([_gap(expected, found, int(lag)) for lag in lags])
    best = int(np.clip(gaps.argmin(), 1, len(gaps) - 2))
    return float(lags[best]) + _bottom(*gaps[best - 1 : best + 2])


def _bottom(before: float, least: float, after: float) -> float:
    """Where the parabola through three values is least, from the one in the middle."""
    bend = before - 2 * least + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend > 0 else 0.0


def _gap(expected: Values, found: Values, lag: int) -> float:
    shifted = found[max(lag, 0) : len(found) + min(lag, 0)]
    fixed = expected[max(-lag, 0) : len(expected) + min(-lag, 0)]
    return float(np.mean(np.square(shifted - fixed)))


def _wander(before: Values, after: Values, speech: NDArray[np.bool_]) -> float:
    """How far parts of 0.2 s lie from where they belong."""
    size = round(0.2 / HOP_SECONDS)
    starts = [at for at in range(0, len(after) - size, size // 2) if speech[at : at + size].all()]
    parts = [slice(at, at + size) for at in starts]
    return float(np.percentile([abs(_delay(before[p], after[p])) for p in parts], 95) * 5)


def _distortion(before: Values, after: Values) -> float:
    """Mel-cepstral distortion in dB, without the level: of the differences' cosine transform."""
    bands = np.arange(MEL_BANDS) + 0.5
    cosines = np.cos(np.pi / MEL_BANDS * np.outer(np.arange(1, CEPSTRA + 1), bands))
    cepstra = (after - before) * np.log(10) / 10 @ cosines.T / MEL_BANDS
    gaps = np.sqrt(2 * np.sum(np.square(cepstra), axis=1))
    return float(10 / np.log(10) * gaps.mean())


def _pitch_change(
    sound: Sound, stretched: Sound, rate: int, moments: Values, inside: NDArray[np.bool_]
) -> tuple[Values, float]:
    """How far the pitch is off in cents where both are voiced, and the change of harmonicity."""
    (pitch, clear), (pitch_after, clear_after) = _yin(sound, rate), _yin(stretched, rate)
    places = np.clip(np.round(moments).astype(int), 0, len(pitch) - 1)
    both = inside & (pitch[places] > 0) & (pitch_after > 0)
    cents = np.abs(1200 * np.log2(pitch_after[both] / pitch[places][both]))
    change = np.median(clear_after[both] - clear[places][both])
    return cents, float(change)


def _yin(sound: Sound, rate: int) -> tuple[Values, Values]:
    """Pitch in Hz, 0 where there is none, and harmonicity in dB (de Cheveigné, Kawahara 2002)."""
    frames = _frames(sound, rate, 2 * PITCH_WINDOW_SECONDS)
    size = frames.shape[1] // 2
    lags = np.arange(int(rate / LOWEST_HERTZ) + 2)
    spectrum = np.fft.rfft(frames, 2 * frames.shape[1])
    head = np.fft.rfft(frames[:, :size], 2 * frames.shape[1])
    products = np.fft.irfft(np.conj(head) * spectrum)[:, lags]
    energy = np.cumsum(np.square(np.pad(frames, ((0, 0), (1, 0)))), axis=1)
    powers = energy[:, lags + size] - energy[:, lags]
    difference = np.maximum(powers[:, :1] + powers - 2 * products, 0.0)
    means = np.cumsum(difference[:, 1:], axis=1) / lags[1:]
    normal = np.pad(difference[:, 1:] / (means + 1e-9), ((0, 0), (1, 0)), constant_values=1.0)
    loud = powers[:, 0] > powers[:, 0].max() * 10 ** (-SPEECH_RANGE_DB / 10)
    first = int(rate / HIGHEST_HERTZ)
    found = np.array([_period(row, first) for row in normal])
    voiced = loud & (found > 0)
    likeness = np.clip(products / np.sqrt(powers[:, :1] * powers + 1e-12), 1e-3, 1 - 1e-4)
    clear = likeness[np.arange(len(found)), np.round(found).astype(int)]
    harmonicity = 10 * np.log10(clear / (1 - clear))
    return np.where(voiced, rate / np.maximum(found, 1.0), 0.0), harmonicity


def _period(row: Values, first: int) -> float:
    """The first dip that is deep enough, between samples; 0 where there is none."""
    below = np.flatnonzero(row[first:-1] < APERIODIC)
    if not len(below):
        return 0.0
    at = first + int(below[0])
    while at + 1 < len(row) - 1 and row[at + 1] < row[at]:
        at += 1
    return at + _bottom(*row[at - 1 : at + 2])


def _onsets(
    sound: Sound, stretched: Sound, rate: int, tempo: float, delay: float
) -> tuple[float, float]:
    """How strong its onsets still are, and how many there are that it did not have, for each."""
    before, after = _flux(sound, rate), _flux(stretched, rate)
    strong = ONSET_SHARE * np.percentile(before[_peaks(before, 0.0)], 95)
    places = _peaks(before, strong)
    near = round(ONSET_NEAR_SECONDS / HOP_SECONDS)
    reached = _greatest(after, near)
    there = np.clip(np.round(places / tempo + delay).astype(int), 0, len(after) - 1)
    found = _peaks(after, 1.5 * strong)
    apart = np.abs(found[:, None] - there[None, :]).min(axis=1) > near
    before_near = _greatest(before, near)
    origin = np.clip(np.round((found - delay) * tempo).astype(int), 0, len(before) - 1)
    false = apart & (before_near[origin] < strong)
    return float(np.median(reached[there] / before[places])), float(false.sum() / len(places))


def _flux(sound: Sound, rate: int) -> Values:
    """Spectral flux (Bello et al. 2005): how much the log spectrum rises within 5 ms."""
    spectra = np.log1p(100 * _spectra(sound, rate, BURST_WINDOW_SECONDS))
    return np.asarray(np.maximum(np.diff(spectra, axis=0, prepend=spectra[:1]), 0).sum(axis=1))


def _peaks(flux: Values, least: float) -> NDArray[np.intp]:
    apart = round(ONSET_APART_SECONDS / HOP_SECONDS)
    return np.flatnonzero((flux == _greatest(flux, apart)) & (flux > least))
