"""What every separator promises of the beds that it makes: a class of tests that asks for the
fixture `separator`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from resources.separator.port import Separator

RATE = 48_000


def make_sound(folder: Path, seconds: float, less: int = 0) -> Path:
    """Noise on the left and a tone on the right, so many frames shorter, as sounds are kept."""
    frames = round(seconds * RATE)
    noise = 0.1 * np.random.default_rng(1).standard_normal(frames)
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(frames) / RATE)
    path = folder / "sound.flac"
    sound = np.stack([noise, tone], axis=1)[: frames - less]
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    return path


class SeparatorContract:
    """The promises of `resources/separator/port.py`."""

    @pytest.mark.parametrize(
        ("seconds", "less"), [(3.0, 0), (2.5, 1), (0.05, 0)], ids=["whole", "odd", "shortest"]
    )
    def test_the_bed_is_as_long_as_the_sound(
        self, separator: Separator, tmp_path: Path, seconds: float, less: int
    ) -> None:
        """To the sample, at 48 kHz in stereo."""
        sound = make_sound(tmp_path, seconds, less)
        made = soundfile.info(separator.bed(sound, into=tmp_path))
        frames = soundfile.info(sound).frames
        assert (frames, RATE, 2) == (made.frames, made.samplerate, made.channels)

    def test_the_same_sound_has_the_same_bed(self, separator: Separator, tmp_path: Path) -> None:
        """Nothing in it is left to chance: it is kept under a key of what it is made of."""
        sound = make_sound(tmp_path, 2.0)
        first, _ = soundfile.read(separator.bed(sound, into=tmp_path))
        second, _ = soundfile.read(separator.bed(sound, into=tmp_path))
        assert bool(np.array_equal(first, second)) is True

    def test_the_sound_stays_as_it_was(self, separator: Separator, tmp_path: Path) -> None:
        """Other languages, and the next engine, begin with it."""
        sound = make_sound(tmp_path, 2.0)
        before = sound.read_bytes()
        separator.bed(sound, into=tmp_path)
        assert before == sound.read_bytes()

    def test_it_says_whether_the_voice_is_still_there(
        self, separator: Separator, tmp_path: Path
    ) -> None:
        """Where it is, the bed is the sound itself, and nothing is kept twice."""
        sound = make_sound(tmp_path, 2.0)
        assert separator.removes_voice == (separator.bed(sound, into=tmp_path) != sound)

    def test_silence_stays_silent(self, separator: Separator, tmp_path: Path) -> None:
        """A sound without anything in it has no voice to take out."""
        silent = tmp_path / "sound.flac"
        soundfile.write(silent, np.zeros((2 * RATE, 2)), RATE, subtype="PCM_16")
        made, _ = soundfile.read(separator.bed(silent, into=tmp_path))
        assert 0.0 == float(np.abs(made).max())
