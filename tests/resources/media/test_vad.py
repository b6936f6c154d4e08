"""Silero's detector on speech whose place is known to the sample."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dub_platform.core.errors import MediaToolError
from resources.media.vad import SileroSpeechFinder
from tests.support.recipes.speech import (
    BOATS,
    FISHERMAN,
    HARBOR,
    MARKET,
    RATE,
    WATER,
    make_speech,
    music,
    say,
    write_wav,
)

SENTENCES = [(1.0, HARBOR), (4.5, FISHERMAN), (9.5, MARKET)]


@pytest.mark.parametrize("bed", [False, True], ids=["clean", "over music"])
def test_each_sentence_is_one_span_that_starts_where_it_starts(tmp_path: Path, bed: bool) -> None:
    """Three sentences give three spans, none more than 60 ms off at its start."""
    spoken = make_speech(tmp_path / "speech.wav", SENTENCES, seconds=14.0, bed=bed)
    found = SileroSpeechFinder().find(tmp_path / "speech.wav")
    assert len(spoken) == len(found)
    assert max(abs(a.start - b.start) for a, b in zip(spoken, found, strict=True)) < 0.06
    assert max(abs(a.end - b.end) for a, b in zip(spoken, found, strict=True)) < 0.16


@pytest.mark.parametrize("bed", [False, True], ids=["clean", "over music"])
def test_sentences_are_parted_by_a_pause_of_0_3_s_and_not_at_commas(
    tmp_path: Path, bed: bool
) -> None:
    """Each sentence is found where it starts, though its speaker hurries on to it."""
    texts, sentences, start = [HARBOR, FISHERMAN, MARKET, BOATS, WATER], [], 1.0
    for text in texts:
        sentences.append((start, text))
        start += len(say(text)) / RATE + 0.3
    spoken = make_speech(tmp_path / "speech.wav", sentences, seconds=start + 1.0, bed=bed)
    found = SileroSpeechFinder().find(tmp_path / "speech.wav")
    assert len(spoken) == len(found)
    assert max(abs(a.start - b.start) for a, b in zip(spoken, found, strict=True)) < 0.06


@pytest.mark.parametrize("sound", [np.zeros(RATE * 3), music(6.0), np.zeros(0)])
def test_no_voice_is_found_where_there_is_none(tmp_path: Path, sound: NDArray[np.float64]) -> None:
    """Silence, music alone and an empty recording hold no speech."""
    write_wav(tmp_path / "sound.wav", sound)
    assert () == SileroSpeechFinder().find(tmp_path / "sound.wav")


def test_speech_that_runs_to_the_end_is_found_to_the_end(tmp_path: Path) -> None:
    """A recording cut off in mid-sentence has its last span end with it, not after it."""
    write_wav(tmp_path / "cut.wav", say(FISHERMAN)[: RATE * 2])
    (span,) = SileroSpeechFinder().find(tmp_path / "cut.wav")
    assert 2.0 == span.end


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """Four times the sound takes no more memory at its peak."""

    def measure_peak(seconds: float) -> int:
        write_wav(tmp_path / "music.wav", music(seconds))
        tracemalloc.start()
        SileroSpeechFinder().find(tmp_path / "music.wav")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    # Other threads of this process are counted too, and only ever add.
    short, long = (min(measure_peak(seconds) for _ in range(3)) for seconds in (10, 40))
    assert long < short + 200_000


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (16_000, 2)])
def test_another_shape_of_sound_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    """Only 16 kHz mono is listened to; the error says what came instead."""
    with wave.open(str(tmp_path / "odd.wav"), "wb") as out:
        out.setframerate(rate)
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.writeframes(b"\0\0" * channels * 100)
    with pytest.raises(MediaToolError, match="not 16 kHz mono") as refused:
        SileroSpeechFinder().find(tmp_path / "odd.wav")
    assert f"rate {rate} Hz, {channels} channels, 2 bytes a sample" == refused.value.detail


def test_what_is_no_wav_is_refused(tmp_path: Path) -> None:
    """Any other file gives a sentence, not the wave module's error."""
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(MediaToolError, match="not a WAV file"):
        SileroSpeechFinder().find(tmp_path / "text.wav")


def test_the_detector_needs_no_torch(tmp_path: Path) -> None:
    """In a process that finds speech, the package that ships the model is never imported."""
    write_wav(tmp_path / "silence.wav", np.zeros(RATE))
    program = (
        "import pathlib, sys; from resources.media.vad import SileroSpeechFinder;"
        "SileroSpeechFinder().find(pathlib.Path(sys.argv[1]));"
        "print({'torch', 'silero_vad'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "silence.wav")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "set()" == found.stdout.strip()


def test_nobody_is_told_that_it_was_used(tmp_path: Path) -> None:
    """onnxruntime's telemetry, which is on by default, would leave the id of its session here."""
    write_wav(tmp_path / "sound.wav", np.zeros(RATE))
    code = "from pathlib import Path; from resources.media.vad import SileroSpeechFinder as S; "
    subprocess.run(
        [sys.executable, "-c", code + "S().find(Path('sound.wav'))"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert ["sound.wav"] == [path.name for path in tmp_path.iterdir()]
