"""Recordings: what they hold when they are really decoded."""

from __future__ import annotations

import io
import traceback
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core.errors import BadTakeError, EngineFailedError, StorageFullError
from dub_platform.core.speech import Take
from resources.media import ffmpeg
from resources.voice.recording import (
    Recording,
    decode_recording,
    find_rests,
    find_speech,
    find_speech_bounds,
    from_pcm,
    outline_takes,
    write_sound,
)
from tests.support.full_disks import on_a_full_disk
from tests.support.recipes import speech as recipes
from tests.support.recipes.media import Sound, noise, silence, tone

RATE = 48_000
TEXT = "Mi padre era pescador y me enseñó a leer el viento."


def mp3(sound: Sound) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format="MP3")
    return file.getvalue()


def test_a_recording_is_decoded_whole() -> None:
    """To mono, with the rate and the length it was made with."""
    stereo = np.stack([tone(200, 1.5), silence(1.5)], axis=1)
    recording = decode_recording(io.BytesIO(mp3(stereo)))
    assert (RATE, 1) == (recording.rate, recording.sound.ndim)
    assert pytest.approx(1.5, abs=0.03) == recording.seconds


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.9])
def test_half_an_mp3_is_refused_though_it_decodes(share: float) -> None:
    """Its header claims the whole, and the decoder ends without an error."""
    content = mp3(tone(200, 4.0))
    with pytest.raises(BadTakeError, match=r"claims to be 4\.00 s: it is cut off"):
        decode_recording(io.BytesIO(content[: int(len(content) * share)]))


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"RIFF", b"\0" * 1000])
def test_what_is_no_recording_is_refused(content: bytes) -> None:
    """With the decoder's words."""
    with pytest.raises(BadTakeError) as failed:
        decode_recording(io.BytesIO(content))
    assert failed.value.detail


def test_bare_samples_are_16_bit_little_endian() -> None:
    """Half a sample at the end is dropped."""
    recording = from_pcm(b"\x00\x00\xff\x7f\x00\x80\x01", 24_000)
    assert [0.0, 32767 / 32768, -1.0] == recording.sound.tolist()
    assert 3 / 24_000 == recording.seconds


@pytest.mark.parametrize("name", ["take.wav", "take.flac"])
def test_what_is_written_is_mono_16_bit_sound(tmp_path: Path, name: str) -> None:
    """It is read back as it was."""
    sound = tone(200, 0.5)
    write_sound(tmp_path / name, sound, RATE)
    facts = soundfile.info(tmp_path / name)
    assert (name[5:].upper(), "PCM_16", 1) == (facts.format, facts.subtype, facts.channels)
    assert np.allclose(sound, decode_recording(tmp_path / name).sound, atol=1e-4)


@pytest.mark.parametrize("name", ["take.wav", "take.flac"])
def test_a_full_disk_is_named(tmp_path: Path, name: str) -> None:
    """libsndfile would only speak of a system error."""
    with pytest.raises(StorageFullError, match=f"{name} could not be written"):
        write_sound(on_a_full_disk(tmp_path / name), tone(200, 0.5), RATE)


def test_what_could_not_be_written_goes_with_its_error(tmp_path: Path) -> None:
    """Nothing holds it open: since Python 3.13 that is complained of when it is collected."""
    with pytest.raises(EngineFailedError) as failed:
        write_sound(tmp_path / "missing" / "take.wav", tone(200, 0.5), RATE)
    frames = [frame for frame, _ in traceback.walk_tb(failed.tb)]
    held = [each for frame in frames for each in frame.f_locals.values()]
    (made,) = (each for each in held if isinstance(each, io.BytesIO))
    made.close()
    assert made.closed


@pytest.mark.parametrize(
    "sound",
    [
        tone(200, 1.2),
        tone(200, 90.0),
        silence(3.0),
        noise(3.0, db=-80),
        np.concatenate([tone(200, 1.2), silence(3.0)]),
    ],
    ids=["too fast", "endless", "silence", "hiss", "then silence"],
)
def test_what_no_voice_can_have_spoken_is_refused(sound: Sound) -> None:
    """Too fast or too slow for its text, or no speech at all."""
    with pytest.raises(BadTakeError):
        find_speech(Recording(sound, RATE), TEXT)


@pytest.mark.parametrize(
    "text", ["Hahahahahahahahahahahahahahahahahahahaha!", "Nooooooooooooooooooo!"]
)
def test_laughter_is_written_longer_than_it_is(text: str) -> None:
    """A voice says some of it, and nobody misses the rest."""
    assert pytest.approx((0.0, 0.6), abs=0.02) == find_speech(Recording(tone(200, 0.6), RATE), text)


def test_speech_is_found_between_silences() -> None:
    """To the millisecond, from its first sound to its last."""
    sound = np.concatenate([silence(0.5), tone(200, 1.0), silence(0.7)])
    assert pytest.approx((0.5, 1.5), abs=0.001) == find_speech_bounds(sound, RATE)


@pytest.mark.parametrize("voice", ["awb", "slt"])
@pytest.mark.parametrize("text", ["She is here.", "Take care.", "Four of them fell.", "He has it."])
def test_the_onset_is_the_speech_s_own(voice: str, text: str) -> None:
    """To 2 ms, whatever sound it begins with, and not the breath that is drawn before it."""
    rate = recipes.RATE
    said = recipes.say(text, voice).astype(np.float32)
    drawn = noise(0.2, db=-50, rate=rate) * np.hanning(round(0.2 * rate)).astype(np.float32)
    lead = np.concatenate([silence(0.1, rate=rate), drawn, silence(0.1, rate=rate)])
    start, end = find_speech_bounds(np.concatenate([lead, said, silence(0.4, rate=rate)]), rate)
    assert pytest.approx(0.4, abs=0.002) == start
    assert pytest.approx(0.4 + len(said) / rate, abs=0.002) == end


def test_a_plosive_after_its_closure_is_the_speech_s_end() -> None:
    """A last consonant is soft, and comes after a moment of silence."""
    burst = noise(0.01, db=-45, rate=RATE)
    word = np.concatenate([silence(0.2), tone(200, 0.5, db=-10), silence(0.07), burst])
    _, end = find_speech_bounds(np.concatenate([word, silence(0.5)]), RATE)
    assert pytest.approx(0.78, abs=0.002) == end


def test_speech_without_silence_is_the_whole_recording() -> None:
    """Its bounds do not leave it."""
    assert (0.0, 1.0) == find_speech_bounds(tone(200, 1.0), RATE)


def test_a_soft_ending_is_speech() -> None:
    """What is 30 dB below the loudest moment is still heard."""
    sound = np.concatenate([tone(200, 1.0, db=-10), tone(200, 0.5, db=-40), silence(0.5)])
    assert pytest.approx(1.5, abs=0.001) == find_speech_bounds(sound, RATE)[1]


def test_rests_are_the_silences_within_a_speech(tmp_path: Path) -> None:
    """To the millisecond, from where it starts; what is silent before a plosive is none."""
    phrases = [tone(200, 0.6), silence(0.07), tone(200, 0.4), silence(0.2), tone(200, 0.5)]
    path = tmp_path / "take.flac"
    write_sound(path, np.concatenate([silence(0.3), *phrases, silence(0.4)]), RATE)
    (rest,) = find_rests(Take(0, "key", path.name, 2.47, 0.3, 2.07, 20), path)
    assert pytest.approx((1.07, 1.27), abs=0.0015) == (rest.start, rest.end)


def test_a_file_that_is_no_recording_has_no_rests(tmp_path: Path) -> None:
    """Who mixes it says what is wrong with it."""
    path = tmp_path / "take.flac"
    path.write_bytes(b"no sound")
    assert () == find_rests(Take(0, "key", path.name, 2.0, 0.0, 2.0, 20), path)


@pytest.mark.parametrize("sound", [silence(0.0), silence(0.001), silence(1.0)])
def test_where_nobody_speaks_there_are_no_bounds(sound: Sound) -> None:
    """An empty recording and a silent one are both refused."""
    with pytest.raises(BadTakeError):
        find_speech_bounds(sound, RATE)


def test_takes_have_the_outline_of_one_file_with_all_of_them(tmp_path: Path) -> None:
    """Long or short, soft or loud, with silence in them, and at another rate."""
    sounds = [noise(2.0, db=-20), silence(1.0), noise(0.5, db=-30, seed=2), tone(300, 4.0, db=-12)]
    takes = []
    for number, sound in enumerate(sounds):
        path, rate = tmp_path / f"{number}.flac", RATE // (1 + number % 2)
        write_sound(path, sound[:: RATE // rate], rate)
        seconds = len(sound) / RATE
        takes.append((Take(number, "", "", seconds, 0.0, seconds, 0), path))
    write_sound(tmp_path / "together.wav", np.concatenate(sounds), RATE)
    told = outline_takes(takes)
    expected = ffmpeg.outline(tmp_path / "together.wav")
    assert len(expected) == len(told)
    # The places of one begin a frame or so before those of the other.
    assert max(abs(one - other) for one, other in zip(told, expected, strict=True)) <= 2
    assert sum(one != other for one, other in zip(told, expected, strict=True)) <= 10


def test_no_takes_have_a_silent_outline() -> None:
    assert [0] * ffmpeg.PLACES == outline_takes([])
