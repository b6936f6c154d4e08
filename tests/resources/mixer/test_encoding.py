"""Encoding until it is right: peaks that AAC adds are mended where they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dub_platform.core import loudness
from resources.mixer import encoding
from resources.mixer.meter import steps
from resources.mixer.pieces import PIECE_FRAMES, Piece
from tests.support.measuring import decode, ebur128
from tests.support.recipes.media import RATE, Sound, noise, tone


@dataclass(frozen=True)
class Made:
    """A sound that is there already: (2, frames)."""

    sound: Sound

    @property
    def frames(self) -> int:
        return self.sound.shape[1]

    def at(self, begin: int, end: int) -> Sound:
        return self.sound[:, begin:end].copy()


def speechlike(seconds: float) -> Sound:
    """Bursts with high peaks, so that a limiter has work to do everywhere: (2, frames)."""
    time = np.arange(round(seconds * RATE)) / RATE
    bursts = np.exp(-12.0 * (time % 0.25)).astype(np.float32)
    sound = bursts * hum(seconds) + tone(200, seconds, db=-40.0)
    return np.stack([sound, sound])


def hum(seconds: float, *, seed: int = 1) -> Sound:
    """Noise without the treble that an encoder saves on."""
    quiet = np.convolve(noise(seconds, seed=seed), np.ones(12, np.float32) / 4, mode="same")
    return quiet.astype(np.float32)


def rounds_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pieces are encoded in each round."""
    made: list[int] = []
    make = encoding._Encoding.make

    def counted(self: encoding._Encoding, wanted: list[Piece]) -> None:
        made.append(len(wanted))
        make(self, wanted)

    monkeypatch.setattr(encoding._Encoding, "make", counted)
    return made


def encoded(sound: Sound, folder: Path) -> Path:
    """The track of a sound, from the gain that it takes without a limiter."""
    gain_db = loudness.gain_db(loudness.integrate(steps(sound)))
    return encoding.encode_mix(Made(sound), gain_db, into=folder).path


def test_what_the_limiter_takes_is_foreseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sound that is limited all over is at its loudness when it is encoded first."""
    made = rounds_of(monkeypatch)
    path = encoded(speechlike(45.0), tmp_path)
    assert pytest.approx(loudness.TARGET_LUFS, abs=loudness.LUFS_TOLERANCE) == ebur128(path)[0]
    assert 3 not in made[1:]


def test_only_pieces_with_peaks_that_aac_added_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in the end none is left: one moment of three pieces is loud."""
    made = rounds_of(monkeypatch)
    monkeypatch.setattr(encoding, "HEADROOM_DB", 0.0)
    sound = np.stack([hum(45.0, seed=1), hum(45.0, seed=2)])
    sound[:, PIECE_FRAMES + 5 * RATE : PIECE_FRAMES + 6 * RATE] *= 4.0
    path = encoded(sound, tmp_path)
    assert ebur128(path)[1] <= loudness.TRUE_PEAK_DB
    assert [3, 1] == made[:2]
    assert pytest.approx(45.0, abs=1 / RATE) == len(decode(path)) / RATE
