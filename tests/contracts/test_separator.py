"""What every separator promises of the beds that it makes.

Demucs' weights cannot be made at test time, only a model of random ones: it is held to every
promise but those about what it hears.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from resources.separator.demucs import DemucsSeparator
from resources.separator.ducking import DuckingSeparator
from resources.separator.port import Separator
from tests.support.recipes import demucs as demucs_models
from tests.support.recipes.media import RATE, noise, stereo, tone

# One worker loads torch, and not each.
DEMUCS = pytest.param("demucs", marks=pytest.mark.xdist_group("demucs"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demucs_models.random(tmp_path_factory.mktemp("demucs") / "tiny.th")


@pytest.fixture(params=["ducking", DEMUCS])
def separator(request: pytest.FixtureRequest) -> Separator:
    """Each engine in turn."""
    if request.param == "demucs":
        return DemucsSeparator(str(request.getfixturevalue("model")))
    return DuckingSeparator()


def make_sound(folder: Path, seconds: float, frames: int = 0) -> Path:
    """Noise on the left and a tone on the right, as the asset `audio` keeps sounds."""
    path = folder / "sound.flac"
    sound = stereo(noise(seconds), tone(440, seconds))
    soundfile.write(path, sound[: len(sound) - frames], RATE, subtype="PCM_16")
    return path


@pytest.mark.parametrize(
    ("seconds", "less"), [(3.0, 0), (2.5, 1), (0.05, 0)], ids=["whole", "odd", "shortest"]
)
def test_the_bed_is_as_long_as_the_sound(
    separator: Separator, tmp_path: Path, seconds: float, less: int
) -> None:
    """To the sample, at 48 kHz in stereo."""
    sound = make_sound(tmp_path, seconds, less)
    made = soundfile.info(separator.bed(sound, into=tmp_path))
    assert (soundfile.info(sound).frames, RATE, 2) == (made.frames, made.samplerate, made.channels)


def test_the_same_sound_has_the_same_bed(separator: Separator, tmp_path: Path) -> None:
    """Nothing in it is left to chance: it is kept under a key of what it is made of."""
    sound = make_sound(tmp_path, 2.0)
    first, _ = soundfile.read(separator.bed(sound, into=tmp_path))
    second, _ = soundfile.read(separator.bed(sound, into=tmp_path))
    assert bool(np.array_equal(first, second)) is True


def test_the_sound_stays_as_it_was(separator: Separator, tmp_path: Path) -> None:
    """Other languages, and the next engine, begin with it."""
    sound = make_sound(tmp_path, 2.0)
    before = sound.read_bytes()
    separator.bed(sound, into=tmp_path)
    assert before == sound.read_bytes()


def test_it_says_whether_the_voice_is_still_there(separator: Separator, tmp_path: Path) -> None:
    """Where it is, the bed is the sound itself, and nothing is kept twice."""
    sound = make_sound(tmp_path, 2.0)
    assert separator.removes_voice == (separator.bed(sound, into=tmp_path) != sound)


def test_silence_stays_silent(separator: Separator, tmp_path: Path) -> None:
    """A sound without anything in it has no voice to take out."""
    silent = tmp_path / "sound.flac"
    soundfile.write(silent, np.zeros((2 * RATE, 2)), RATE, subtype="PCM_16")
    made, _ = soundfile.read(separator.bed(silent, into=tmp_path))
    assert 0.0 == float(np.abs(made).max())
