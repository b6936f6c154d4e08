"""The decoded sound: a time in it is the same time in the video, whatever the source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from dub_platform.core.errors import MediaToolError
from resources.media.sound import BLOCK, SPEECH_RATE, DecodedSound, decode_sound
from tests.support.recipes.media import (
    RATE,
    Sound,
    make_changing_clip,
    make_clip,
    make_script,
    noise,
    silence,
    stereo,
    tone,
)

AUDIBLE = 0.01


def sounds(found: DecodedSound) -> tuple[Sound, Sound]:
    """What is mixed from and what is listened to, checked to be of their promised shapes."""
    sound, rate = soundfile.read(found.sound, dtype="float32", always_2d=True)
    speech, speech_rate = soundfile.read(found.speech, dtype="float32", always_2d=True)
    assert ((RATE, 2), (SPEECH_RATE, 1)) == ((rate, sound.shape[1]), (speech_rate, speech.shape[1]))
    return sound, speech


def audible(sound: Sound) -> tuple[float, float]:
    """When the first channel's first and last sound are, in seconds."""
    loud = np.flatnonzero(np.abs(sound[:, 0]) > AUDIBLE)
    return loud[0] / RATE, loud[-1] / RATE


@pytest.mark.parametrize("seconds", [3.0, 7.313])
@pytest.mark.parametrize("length", [1.0, 20.0], ids=["short", "long"])
def test_both_sounds_are_as_long_as_the_video(
    tmp_path: Path, seconds: float, length: float
) -> None:
    """To the sample, where the stream is shorter and where it is longer."""
    clip = make_clip(tmp_path / "clip.mkv", seconds=seconds, sound=tone(440, length))
    sound, speech = sounds(decode_sound(clip, seconds=seconds, into=tmp_path))
    assert (round(seconds * RATE), round(seconds * SPEECH_RATE)) == (len(sound), len(speech))


@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
def test_the_sound_is_kept_in_whole_blocks(tmp_path: Path, codec: str) -> None:
    """However small the pieces are in which its decoder hands it out."""
    clip = make_clip(
        tmp_path / "clip.mkv", seconds=3.0, sound=noise(3.0), options={"c:a": codec, "ar": 44_100}
    )
    found = decode_sound(clip, seconds=3.0, into=tmp_path)
    with av.open(found.sound) as sound:
        blocks = sum(packet.size > 0 for packet in sound.demux())
    assert math.ceil(3.0 * RATE / BLOCK) == blocks


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm", "clip.ts"])
def test_sound_that_starts_late_is_heard_late(tmp_path: Path, name: str) -> None:
    """The silence before it is filled, in every container, to a few milliseconds."""
    clip = make_clip(tmp_path / name, seconds=3.0, sound=tone(440, 1.5), late=0.7)
    sound, _ = sounds(decode_sound(clip, seconds=3.0, into=tmp_path))
    assert pytest.approx((0.7, 2.2), abs=0.010) == audible(sound)


def test_a_clock_that_does_not_begin_at_zero_moves_nothing(tmp_path: Path) -> None:
    """A transport stream may start counting anywhere; its codec's padding is all there is."""
    clip = make_clip(
        tmp_path / "clip.ts",
        seconds=3.0,
        sound=tone(440, 1.5),
        late=0.7,
        options={"output_ts_offset": 100},
    )
    sound, _ = sounds(decode_sound(clip, seconds=3.0, into=tmp_path))
    assert pytest.approx((0.7, 2.2), abs=0.025) == audible(sound)


def test_a_gap_in_the_stream_stays_a_gap(tmp_path: Path) -> None:
    """What comes after a lost part of the sound is still heard at its time."""
    clip = make_clip(
        tmp_path / "clip.mkv",
        seconds=4.0,
        sound=np.concatenate([tone(440, 1.0), tone(440, 1.0, db=-60), tone(440, 1.0)]),
        options={"bsf:a": "noise=drop='between(pts*tb,1,2)'"},
    )
    sound, _ = sounds(decode_sound(clip, seconds=4.0, into=tmp_path))
    assert pytest.approx((0.0, 3.0), abs=0.110) == audible(sound)
    assert float(np.abs(sound[round(1.2 * RATE) : round(1.8 * RATE)]).max()) < AUDIBLE


@pytest.mark.parametrize(
    "recipe",
    [
        {"sound": tone(440, 2.0)},
        {"sound": stereo(tone(440, 2.0), tone(440, 2.0))},
        {"sound": tone(440, 2.0, rate=8_000), "rate": 8_000},
        {"sound": tone(440, 2.0, rate=96_000), "rate": 96_000},
        {"sound": tone(440, 2.0).reshape(-1, 1).repeat(6, axis=1)},
    ],
    ids=["mono", "stereo", "8 kHz", "96 kHz", "5.1"],
)
def test_every_shape_of_sound_is_heard_in_both_channels(
    tmp_path: Path, recipe: dict[str, Any]
) -> None:
    """The same in both, from the beginning to the end, and in what is listened to."""
    clip = make_clip(tmp_path / "clip.mkv", seconds=2.0, **recipe)
    sound, speech = sounds(decode_sound(clip, seconds=2.0, into=tmp_path))
    assert pytest.approx((0.0, 2.0), abs=0.005) == audible(sound)
    assert bool(np.allclose(sound[:, 0], sound[:, 1], atol=1e-3))
    assert float(np.abs(speech).max()) > 0.05


def test_a_loud_surround_sound_does_not_clip(tmp_path: Path) -> None:
    """Six channels at full scale are added up to no more than full scale."""
    surround = tone(440, 2.0, db=-0.5).reshape(-1, 1).repeat(6, axis=1)
    clip = make_clip(tmp_path / "clip.mkv", seconds=2.0, sound=surround)
    found = decode_sound(clip, seconds=2.0, into=tmp_path)
    assert float(np.abs(sounds(found)[0]).max()) < 0.999
    assert found.loudness.true_peak_db < 0.0


def test_a_voice_in_one_channel_stays_in_it(tmp_path: Path) -> None:
    """The picture is kept for the mixer, and both channels are listened to."""
    left = stereo(tone(440, 2.0), silence(2.0))
    clip = make_clip(tmp_path / "clip.mkv", seconds=2.0, sound=left)
    sound, speech = sounds(decode_sound(clip, seconds=2.0, into=tmp_path))
    assert float(np.abs(sound[:, 1]).max()) < AUDIBLE < float(np.abs(sound[:, 0]).max())
    assert float(np.abs(speech).max()) > 0.03


def test_channels_that_cancel_each_other_out_are_heard(tmp_path: Path) -> None:
    """A voice whose right channel is upside down is listened to in the left one."""
    voice = tone(440, 3.0)
    clip = make_clip(tmp_path / "clip.mkv", seconds=3.0, sound=stereo(voice, -voice))
    sound, speech = sounds(decode_sound(clip, seconds=3.0, into=tmp_path))
    assert pytest.approx(float(np.max(np.abs(voice))), rel=0.1) == np.max(np.abs(speech))
    assert (3 * RATE, 3 * SPEECH_RATE) == (len(sound), len(speech))


def test_channels_that_differ_are_listened_to_together(tmp_path: Path) -> None:
    """What is said on either side is heard."""
    left, right = tone(440, 3.0), tone(660, 3.0)
    clip = make_clip(tmp_path / "clip.mkv", seconds=3.0, sound=stereo(left, right))
    _, speech = sounds(decode_sound(clip, seconds=3.0, into=tmp_path))
    spectrum = np.abs(np.fft.rfft(np.ravel(speech)))
    loudest = np.argsort(spectrum)[-2:] * SPEECH_RATE / len(speech)
    assert [440, 660] == sorted(round(float(hertz)) for hertz in loudest)


def test_the_loudness_is_that_of_the_sound(tmp_path: Path) -> None:
    """Silence that was filled in does not count: it is below the meter's gate."""
    sound = tone(1000, 2.0, db=-23.0)
    clip = make_clip(tmp_path / "clip.mkv", seconds=8.0, sound=stereo(sound, sound), late=3.0)
    measured = decode_sound(clip, seconds=8.0, into=tmp_path).loudness
    assert pytest.approx(-23.0, abs=1.0) == measured.lufs
    assert pytest.approx(-23.0, abs=0.2) == measured.true_peak_db


def test_a_script_opens_no_neighbour(tmp_path: Path) -> None:
    """The file that is decoded is opened as carefully as the file that was probed."""
    make_clip(tmp_path / "private.mp4", sound=noise(2.0))
    script = make_script(tmp_path / "script.mp4", tmp_path / "private.mp4")
    with pytest.raises(MediaToolError):
        decode_sound(script, seconds=2.0, into=tmp_path)


def test_sound_that_changes_its_channels_stays_in_its_place(tmp_path: Path) -> None:
    """As in a recording of two programmes: the second is heard at its time, and no longer."""
    first = np.concatenate([silence(1.0), tone(440, 1.0), silence(1.0)])
    second = np.concatenate([silence(1.5), tone(440, 1.0), silence(0.5)])
    clip = make_changing_clip(tmp_path / "clip.ts", first, second)
    sound, speech = sounds(decode_sound(clip, seconds=6.0, into=tmp_path))
    assert (6 * RATE, 6 * SPEECH_RATE) == (len(sound), len(speech))
    assert pytest.approx((1.0, 5.5), abs=0.05) == audible(sound)
    assert pytest.approx((1.0, 2.0), abs=0.05) == audible(sound[: 3 * RATE])
