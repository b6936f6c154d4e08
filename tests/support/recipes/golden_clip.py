"""The clip of the golden test: unlike the sample in voice, words, music, length and container.

    clip = make_golden_clip(folder)
    clip.path, clip.spoken[0].start

A woman's voice (flite's `slt`) in the middle, two steady tones at the sides as the bed, 25
pictures a second, MPEG-4 part 2 and MP3 in Matroska, so that the film must be encoded anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.support.recipes.media import run
from tests.support.recipes.speech import RATE, Spoken, say

SECONDS = 23.48
BED_HERTZ = 523.25
SENTENCES = (
    (1.3, "My mother works in a small house by the river."),
    (6.7, "Every summer, many people come to visit us."),
    (11.6, "The children like to play in the garden after school."),
    (17.2, "On Sunday morning, the market opens at seven."),
)


@dataclass(frozen=True)
class GoldenClip:
    """The file, what is said in it and when, and the voice alone: mono float at 16 kHz."""

    path: Path
    spoken: tuple[Spoken, ...]
    voice: NDArray[np.float64]


def make_golden_clip(
    folder: Path,
    sentences: Sequence[tuple[float, str]] = SENTENCES,
    seconds: float = SECONDS,
    *,
    size: str = "320x240",
) -> GoldenClip:
    """Write the clip, or one like it with other sentences, into the folder."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice, spoken = np.zeros(len(time)), []
    for start, text in sentences:
        said = 0.3 * say(text, "slt") / np.abs(say(text, "slt")).max()
        first = round(start * RATE)
        voice[first : first + len(said)] += said
        spoken.append(Spoken(text, start, start + len(said) / RATE))
    bed = 0.012 * np.sin(2 * np.pi * BED_HERTZ * time)
    wav = folder / "golden.wav"
    soundfile.write(wav, np.stack([voice + bed, voice - bed], axis=1), RATE)
    path = folder / "golden.mkv"
    pictures = ffmpeg.input(f"testsrc2=s={size}:r=25:d={seconds}", format="lavfi")
    sound = ffmpeg.input(str(wav)).audio
    run(
        ffmpeg.output(
            pictures, sound, str(path), vcodec="mpeg4", acodec="libmp3lame", ar=44_100, t=seconds
        )
    )
    return GoldenClip(path, tuple(spoken), voice)
