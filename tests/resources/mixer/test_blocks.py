"""How the block mixer works: in pieces that join, and in memory that does not grow."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import soundfile

from dub_platform.core.mixing import Envelope, ducked
from dub_platform.core.speech import Span
from resources.mixer.bed import Bed
from resources.mixer.blocks import Mix
from resources.mixer.pieces import PIECE_FRAMES
from resources.mixer.voices import Voice, Voices
from tests.media_recipes import RATE, noise, stereo


def make_mix(folder: Path, seconds: float) -> Mix:
    """A bed with a take and a duck across each of the borders that lie in it."""
    bed = stereo(noise(seconds, seed=3), noise(seconds, seed=4))
    soundfile.write(folder / "bed.flac", bed, RATE, subtype="PCM_16")
    noise(1.0, seed=5).tofile(folder / "voices.f32")
    starts = [border - 0.4 for border in np.arange(10.0, seconds, 10.0)]
    duck = ducked([Span(start, start + 1.0) for start in starts], depth_db=-24.0)
    voices = [Voice(round(start * RATE), RATE, 0, np.zeros(0)) for start in starts]
    return Mix(
        round(seconds * RATE),
        Bed(folder / "bed.flac", duck, Envelope((), ())),
        Voices(folder / "voices.f32", voices),
        0.5,
    )


def test_parts_join_without_a_click(tmp_path: Path) -> None:
    """To the bit, across borders where a take sounds and the bed is ducked."""
    mix = make_mix(tmp_path, 25.3)
    borders = [0, *(round(border * RATE) for border in (10.0, 20.0)), mix.frames]
    parts = [mix.at(*between) for between in itertools.pairwise(borders)]
    assert bool(np.array_equal(mix.at(0, mix.frames), np.concatenate(parts, axis=1)))


def test_a_bed_that_ends_early_is_followed_by_silence(tmp_path: Path) -> None:
    """A track longer than its bed is filled to its length, however far behind its end it is."""
    mix = make_mix(tmp_path, 3.0)
    around, behind = mix.at(2 * RATE, 5 * RATE), mix.at(7 * RATE, 8 * RATE)
    assert bool(np.any(around[:, :RATE])) is True
    assert [0.0, 0.0] == [float(np.abs(sound).max()) for sound in (around[:, RATE:], behind)]


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """Four times the sound takes no more memory at its peak."""
    peaks = []
    for seconds in (20.0, 80.0):
        mix = make_mix(tmp_path, seconds)
        tracemalloc.start()
        for first in range(0, mix.frames, PIECE_FRAMES):
            mix.at(first, min(first + PIECE_FRAMES, mix.frames))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]
