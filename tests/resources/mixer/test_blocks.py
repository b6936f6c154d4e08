"""How the block mixer works: in pieces that join, and in memory that does not grow."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core.mixing import Ducking, Envelope, duck
from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import Placement, Timeline
from resources.mixer.bed import Bed
from resources.mixer.blocks import BlockMixer, Mix
from resources.mixer.pieces import PIECE_FRAMES
from resources.mixer.voices import Voice, Voices
from tests.support.measuring import Sound, decode, level_db, tone_level_db
from tests.support.recipes.media import RATE, noise, stereo, tone


def make_mix(folder: Path, seconds: float) -> Mix:
    """A bed with a take and a duck across each of the borders that lie in it."""
    bed = stereo(noise(seconds, seed=3), noise(seconds, seed=4))
    soundfile.write(folder / "bed.flac", bed, RATE, subtype="PCM_16")
    noise(1.0, seed=5).tofile(folder / "voices.f32")
    starts = [border - 0.4 for border in np.arange(10.0, seconds, 10.0)]
    envelope = duck([Span(start, start + 1.0) for start in starts], depth_db=-24.0)
    voices = [Voice(round(start * RATE), RATE, 0, np.zeros(0)) for start in starts]
    return Mix(
        round(seconds * RATE),
        Bed(folder / "bed.flac", envelope, Envelope((), ())),
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


def make_track(folder: Path, engine: BlockMixer) -> Sound:
    """A tone in the middle for 8 s, another at the sides, and a take of a third from 3 to 4 s."""
    voice, music = tone(500, 8.0), tone(300, 8.0, db=-35.0)
    soundfile.write(folder / "bed.flac", stereo(voice + music, voice - music), RATE)
    soundfile.write(folder / "take.flac", tone(1000, 1.0), RATE)
    take = Take(0, "key", "takes/x.flac", 1.0, 0.0, 1.0, 10)
    timeline = Timeline(8.0, (Placement(0, 3.0, 1.0, 1.0),))
    mixed = engine.mix(
        folder / "bed.flac",
        [(take, folder / "take.flac")],
        timeline,
        [Span(3.0, 4.0)],
        into=folder,
    )
    return decode(mixed.path)


def test_without_the_original_only_the_dub_is_heard(tmp_path: Path) -> None:
    """Silence before and after it, and nothing beside it."""
    track = make_track(tmp_path, BlockMixer(original=False))
    assert level_db(track[: 2 * RATE]) < -90.0
    sounding = track[round(3.2 * RATE) : round(3.8 * RATE), 0]
    assert tone_level_db(sounding, 1000) - tone_level_db(sounding, 500) > 40.0


@pytest.mark.parametrize("depth_db", [6.0, 24.0, 40.0])
def test_the_original_voice_falls_as_far_as_it_is_told(tmp_path: Path, depth_db: float) -> None:
    """In the middle by all of it, at the sides, where it is not, by 3 dB."""
    track = make_track(tmp_path, BlockMixer(Ducking(depth_db)))
    middle, sides = track.mean(axis=1), (track[:, 0] - track[:, 1]) / 2
    falls = [
        tone_level_db(sound[: 2 * RATE], hertz)
        - tone_level_db(sound[round(3.2 * RATE) : round(3.8 * RATE)], hertz)
        for sound, hertz in ((middle, 500), (sides, 300))
    ]
    assert pytest.approx([depth_db, 3.0], abs=1.5) == falls


def test_the_voice_falls_and_rises_in_the_time_it_is_given(tmp_path: Path) -> None:
    """Half a second before the line it is at half of its depth in dB, where a second is given."""
    track = make_track(tmp_path, BlockMixer(Ducking(20.0, 1.0, 1.0)))
    middle = track.mean(axis=1)
    untouched = level_db(middle[:RATE])
    # Speech is widened by a tenth before and two tenths after.
    for moment in (2.9 - 0.5, 4.2 + 0.5):
        part = middle[round((moment - 0.02) * RATE) : round((moment + 0.02) * RATE)]
        assert pytest.approx(10.0, abs=1.0) == untouched - level_db(part)
