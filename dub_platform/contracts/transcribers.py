"""What every recogniser promises: a class of tests that asks for the fixture `transcriber`.

What it is to hear is spoken by eSpeak NG, in a language that it understands. Whether it hears the
right words is for its own tests to say.
"""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dub_platform.contracts.voices import LINES, OTHER_LINES
from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Heard, Span, Word
from resources.media.vad import SileroSpeechFinder
from resources.providers.paid_once import Bill
from resources.transcriber.port import Transcriber
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from resources.voice.recording import decode_recording

RATE = 16_000
Recording = tuple[Path, tuple[Span, ...], str]


def language_for(transcriber: Transcriber) -> str:
    """A language that it understands and eSpeak NG speaks."""
    understood = transcriber.languages()
    known = (code for code in ("en", *LINES, *OTHER_LINES) if code in understood)
    return next(known, understood[0])


def say(text: str, language: str, into: Path) -> Path:
    """Write the text spoken as 16 kHz mono WAV, with a second of silence on both sides."""
    voice = EspeakVoice()
    voice.speak(Reading(text, language), into=into.with_suffix(".said.wav"), bill=Bill())
    voice.close()
    said = decode_recording(into.with_suffix(".said.wav"))
    times = np.arange(round(len(said.sound) / said.rate * RATE)) / RATE
    sound = np.interp(times, np.arange(len(said.sound)) / said.rate, said.sound)
    write_wav(into, np.concatenate([np.zeros(RATE), sound, np.zeros(RATE)]))
    return into


def write_wav(path: Path, samples: NDArray[np.float64]) -> None:
    """Write samples between -1 and 1 as mono 16-bit WAV at 16 kHz."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def make_chord(seconds: float) -> NDArray[np.float64]:
    """A soft chord that swells and changes every two seconds: sound without a voice."""
    time = np.arange(round(seconds * RATE)) / RATE
    roots = np.array([220.0, 174.6, 261.6, 196.0])[(time // 2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / RATE
    chord = sum(np.sin(phase * ratio) / ratio for ratio in (1.0, 1.25, 1.5, 2.0))
    swelling = chord * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * time))
    return np.asarray(0.025 * swelling / np.sqrt(np.mean(swelling**2)))


def words_of(heard: Heard) -> list[Word]:
    """All words, in the order of the segments."""
    return [word for segment in heard.segments for word in segment.words]


class TranscriberContract:
    """The promises of `resources/transcriber/port.py`."""

    @pytest.fixture
    def speech(self, transcriber: Transcriber, tmp_path: Path) -> Recording:
        """Something said, where it is, and in which language."""
        language = language_for(transcriber)
        text = {**LINES, **OTHER_LINES}.get(language, LINES["en"])
        audio = say(text, language, tmp_path / "speech.wav")
        return audio, SileroSpeechFinder().find(audio), language

    def test_words_lie_in_order_inside_the_speech(
        self, transcriber: Transcriber, speech: Recording
    ) -> None:
        """No word is outside the spans it was asked about, and none overlaps the next."""
        audio, spans, language = speech
        words = words_of(transcriber.transcribe(audio, spans, language))
        assert words
        assert [] == [
            word
            for word in words
            if not any(span.start <= word.start < word.end <= span.end for span in spans)
        ]
        assert all(one.end <= other.start for one, other in pairwise(words))
        assert all(0.0 <= word.confidence <= 1.0 for word in words)

    @pytest.mark.parametrize(
        "sound", [np.zeros(RATE * 3), make_chord(4.0)], ids=["silence", "music"]
    )
    def test_where_nobody_speaks_there_are_no_words(
        self, transcriber: Transcriber, tmp_path: Path, sound: NDArray[np.float64]
    ) -> None:
        """Silence and music have no speech in them, so nothing is heard there."""
        write_wav(tmp_path / "sound.wav", sound)
        speech = SileroSpeechFinder().find(tmp_path / "sound.wav")
        language = language_for(transcriber)
        assert () == transcriber.transcribe(tmp_path / "sound.wav", speech, language).segments

    def test_the_answer_names_its_language_and_engine(
        self, transcriber: Transcriber, tmp_path: Path
    ) -> None:
        """A receipt says who heard it, with the version."""
        write_wav(tmp_path / "silence.wav", np.zeros(RATE))
        language = language_for(transcriber)
        heard = transcriber.transcribe(tmp_path / "silence.wav", [], language)
        assert (language, transcriber.engine) == (heard.language, heard.engine)
        assert any(map(str.isdigit, heard.engine))

    def test_a_language_it_does_not_know_is_refused(
        self, transcriber: Transcriber, tmp_path: Path
    ) -> None:
        """The error says what can be done instead."""
        assert "xx" not in transcriber.languages()
        with pytest.raises(LanguageNotAvailableError, match="captions"):
            transcriber.transcribe(tmp_path / "never-opened.wav", [], "xx")

    def test_a_language_that_nobody_named_is_told(
        self, transcriber: Transcriber, speech: Recording
    ) -> None:
        """By one that detects languages; another refuses, and makes nothing up."""
        audio, spans, _ = speech
        if transcriber.detects_languages:
            heard = transcriber.transcribe(audio, spans, AUTO)
            assert heard.language in transcriber.languages()
        else:
            with pytest.raises(LanguageNotAvailableError):
                transcriber.transcribe(audio, spans, AUTO)
