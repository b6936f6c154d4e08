"""Test speech with known answers: what is said, and when, to the sample.

    spoken = make_speech(path, [(0.5, FISHERMAN), (6.0, MARKET)], seconds=11.0, bed=True)

The voice is Debian's `flite`, the synthetic voice that recognisers understand best.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
HARBOR = "Good morning, and welcome to the harbor."
FISHERMAN = "My father was a fisherman, and he taught me how to read the wind."
WATER = "The water is cold, but the people here love the sea."
MARKET = "Today the market is full of fresh fish and bread."
LIGHTHOUSE = "Come back tomorrow, and we will show you the old light house."
BOATS = "Every day, small boats leave this town before the sun comes up."

# flite's leading silence is digital noise below this; its first phone is above it.
_AUDIBLE = 0.012
_BED_DB = -32.0


@dataclass(frozen=True)
class Spoken:
    """A sentence as it was placed: its first and last audible sample, in seconds."""

    text: str
    start: float
    end: float


def make_speech(
    path: Path,
    sentences: Sequence[tuple[float, str]],
    seconds: float,
    *,
    voice: str = "awb",
    bed: bool = False,
) -> tuple[Spoken, ...]:
    """Write a 16 kHz mono 16-bit WAV with each (start, sentence) in it; say where they lie."""
    sound = music(seconds) if bed else np.zeros(round(seconds * RATE))
    spoken = []
    for start, text in sentences:
        speech = say(text, voice)
        first = round(start * RATE)
        sound[first : first + len(speech)] += speech
        spoken.append(Spoken(text, start, start + len(speech) / RATE))
    write_wav(path, sound)
    return tuple(spoken)


@lru_cache(maxsize=64)
def say(text: str, voice: str = "awb") -> NDArray[np.float64]:
    """The sentence as samples between -1 and 1, without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True)
        samples = read_wav(path)
    audible = np.flatnonzero(np.abs(samples) > _AUDIBLE)
    return samples[audible[0] : audible[-1] + 1]


def music(seconds: float, db: float = _BED_DB) -> NDArray[np.float64]:
    """A soft chord that swells and changes every two seconds, `db` below full scale in RMS."""
    time = np.arange(round(seconds * RATE)) / RATE
    roots = np.array([220.0, 174.6, 261.6, 196.0])[(time // 2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / RATE
    chord = sum(np.sin(phase * ratio) / ratio for ratio in (1.0, 1.25, 1.5, 2.0))
    swelling = chord * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * time))
    return np.asarray(swelling * 10 ** (db / 20) / np.sqrt(np.mean(swelling**2)))


def write_wav(path: Path, samples: NDArray[np.float64]) -> None:
    """Mono 16-bit WAV at 16 kHz from samples between -1 and 1."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def read_wav(path: Path) -> NDArray[np.float64]:
    """The samples of a mono 16-bit WAV, between -1 and 1."""
    with wave.open(str(path), "rb") as source:
        frames = source.readframes(source.getnframes())
    return np.frombuffer(frames, "<i2") / 32768


def plain_words(text: str) -> list[str]:
    """The words of a text for comparison: no case, no marks."""
    return re.findall(r"[\w']+", text.lower())


def count_wrong_words(expected: Sequence[str], found: Sequence[str]) -> int:
    """Count the words that were left out, put in or changed (Levenshtein)."""
    row = list(range(len(found) + 1))
    for number, word in enumerate(expected, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            changed = before + (word != other)
            before, row[place] = row[place], min(changed, row[place] + 1, row[place - 1] + 1)
    return row[-1]
