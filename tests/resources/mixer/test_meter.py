"""The meter beside ffmpeg's, which is another one made from the same standard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core import loudness
from resources.mixer.meter import HOP, steps, true_peaks
from resources.mixer.pieces import STEP
from tests.support.measuring import ebur128
from tests.support.recipes.media import RATE, Sound, noise, silence, stereo, tone


def between_samples(hertz: float) -> Sound:
    """A full-scale tone whose peaks lie between its samples."""
    time = np.arange(2 * RATE) / RATE
    return np.asarray(np.sin(2 * np.pi * hertz * time + np.pi / 4), np.float32)


@pytest.mark.parametrize(
    "sound",
    [
        stereo(tone(1000, 4.0), tone(1000, 4.0)),
        stereo(tone(40, 4.0), noise(4.0, db=-30)),
        stereo(
            np.concatenate([noise(3.0), silence(4.0), noise(1.0, db=-50)]),
            np.concatenate([silence(3.0), noise(5.0, db=-60)]),
        ),
    ],
    ids=["tone", "bass and noise", "with gaps"],
)
def test_loudness_is_what_ffmpeg_measures(tmp_path: Path, sound: Sound) -> None:
    """To the tenth that ffmpeg shows, gates and all."""
    soundfile.write(tmp_path / "sound.wav", sound, RATE, subtype="FLOAT")
    measured = loudness.integrate(steps(np.ascontiguousarray(sound.T)))
    assert pytest.approx(ebur128(tmp_path / "sound.wav")[0], abs=0.06) == measured


@pytest.mark.parametrize("hertz", [997.0, RATE / 4, RATE / 6, 15_000.0])
def test_peaks_between_samples_are_found(tmp_path: Path, hertz: float) -> None:
    """As high as the tone is, and as ffmpeg finds them, where no sample is that high."""
    sound = between_samples(hertz)
    ends = round(0.1 * RATE) // HOP
    found = true_peaks(sound[np.newaxis], above=0.5)[ends:-ends]
    assert pytest.approx(0.0, abs=0.1) == 20 * np.log10(found.max())


def test_what_cannot_be_too_high_is_not_looked_at() -> None:
    """There the highest sample stands for the peak."""
    sound = 0.1 * between_samples(RATE / 4)
    peaks = true_peaks(sound[np.newaxis], above=0.5)
    assert pytest.approx(float(np.abs(sound).max())) == float(peaks.max())


def test_a_peak_is_in_its_hop() -> None:
    """A click is high where it is and beside it, and nowhere else."""
    sound = np.zeros((1, 20 * HOP), np.float32)
    sound[0, 10 * HOP + 5] = 1.0
    peaks = true_peaks(sound, above=0.01)
    assert 10 == int(np.argmax(peaks))
    assert 1.0 == pytest.approx(float(peaks[10]))
    assert 0.0 == float(np.abs(peaks[:9]).max())


def test_parts_measure_as_the_whole_does() -> None:
    """Where what is before a part is filtered with it."""
    sound = noise(4.0)[np.newaxis]
    whole, part = steps(sound), steps(sound[:, 15 * STEP :], skip=5 * STEP)
    assert pytest.approx(whole[20:], rel=1e-3) == part


def test_silence_has_no_power() -> None:
    """And takes no logarithm."""
    assert loudness.SILENCE_LUFS == loudness.integrate(steps(np.zeros((2, RATE), np.float32)))
