"""What every voice promises."""

from __future__ import annotations

import os
import signal
import threading
import wave
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dub_platform.core.errors import EngineFailedError, LanguageNotAvailableError
from resources.voice import EspeakVoice, Voice
from tests.processes import gone

LINES = {
    "es": "Mi padre era pescador y me enseñó a leer el viento.",
    "ca": "El meu pare era pescador i em va ensenyar a llegir el vent.",
    "eo": "Mia patro estis fiŝkaptisto kaj li instruis min legi la venton.",
    "en": "My father was a fisherman, and he taught me how to read the wind.",
}
HOSTILE = [
    "Dijo \"sí\" & 'no' <b>.",
    "<speak><break time='20s'/></speak> hola",
    "[[h@loU]] hola {\\an8}",
    "dos\nlíneas\r\ny\tuna tabulación",
    "😀 Ωmega 中文 hola",
    "nul\0 campana\a escape\x1b[31m \ud800 fin",
    '{"text": "hola", "path": "pwned"}',
    "; rm -rf / $(touch pwned) `touch pwned`",
    "el barco es frío, " * 280,
]


@pytest.fixture(params=[EspeakVoice])
def voice(request: pytest.FixtureRequest) -> Iterator[Voice]:
    """Each engine in turn."""
    make: Callable[[], Voice] = request.param
    made = make()
    yield made
    made.close()


def spoken(
    voice: Voice, folder: Path, text: str, language: str = "es", speaker: str = "1"
) -> bytes:
    """The bytes of the file."""
    voice.speak(text, language, speaker=speaker, into=folder / "take.wav")
    return (folder / "take.wav").read_bytes()


def sound_of(path: Path) -> tuple[NDArray[np.float64], int]:
    """Samples between -1 and 1, and their rate, of what must be mono 16-bit WAV."""
    with wave.open(str(path)) as source:
        assert (1, 2) == (source.getnchannels(), source.getsampwidth())
        frames = source.readframes(source.getnframes())
        assert len(frames) == 2 * source.getnframes()
        return np.frombuffer(frames, "<i2") / 32768, source.getframerate()


@pytest.mark.parametrize("language", LINES)
def test_a_line_is_spoken_in_a_plausible_time(voice: Voice, tmp_path: Path, language: str) -> None:
    """The file decodes, is neither silent nor clipped, and is as long as such a line takes."""
    spoken(voice, tmp_path, LINES[language], language)
    sound, rate = sound_of(tmp_path / "take.wav")
    per_second = len(LINES[language]) / (len(sound) / rate)
    assert 8 < per_second < 25
    assert float(np.sqrt(np.mean(sound**2))) > 0.02
    assert float(np.mean(np.abs(sound) < 0.99)) > 0.9


def test_the_same_line_is_the_same_sound(voice: Voice, tmp_path: Path) -> None:
    """To the byte, whatever was spoken before, and by another process too."""
    first = [spoken(voice, tmp_path, text, code) for code, text in LINES.items()]
    again = [spoken(voice, tmp_path, text, code) for code, text in reversed(LINES.items())]
    voice.close()
    afresh = [spoken(voice, tmp_path, text, code) for code, text in LINES.items()]
    assert first == again[::-1]
    assert first == afresh


def test_speakers_are_told_apart(voice: Voice, tmp_path: Path) -> None:
    """Each of the first speakers has a sound of their own, in sound and in shape."""
    speakers = ["1", "2", "3", "4"]
    sounds = {spoken(voice, tmp_path, LINES["es"], speaker=speaker) for speaker in speakers}
    shapes = {str(voice.shape("es", speaker)) for speaker in speakers}
    assert (4, 4) == (len(sounds), len(shapes))


@pytest.mark.parametrize("speaker", ["0", "1", "1000000", "SPEAKER_00", "", "Ana María", "²"])
def test_any_name_of_a_speaker_has_a_voice(voice: Voice, tmp_path: Path, speaker: str) -> None:
    """And always the same one."""
    assert voice.shape("es", speaker) == voice.shape("es", speaker)
    assert spoken(voice, tmp_path, "Hola.", speaker=speaker)


def test_the_shape_tells_languages_apart(voice: Voice) -> None:
    """It goes into the take's key, so what sounds different must differ in it."""
    shapes = {str(voice.shape(code, number)) for code, number in product(LINES, ["1", "2"])}
    assert 2 * len(LINES) == len(shapes)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(
    voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """It is spoken, not obeyed: no markup pauses, no files, and the voice goes on after it."""
    monkeypatch.chdir(tmp_path)
    spoken(voice, tmp_path, text)
    sound, rate = sound_of(tmp_path / "take.wav")
    loud = np.abs(sound) > 0.02
    assert loud.any()
    assert longest_run(~loud) / rate < 2.0
    assert spoken(voice, tmp_path, "Hola.")
    assert [tmp_path / "take.wav"] == list(tmp_path.iterdir())


def longest_run(values: NDArray[np.bool_]) -> int:
    """The length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], values, [False])).astype(int)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


@pytest.mark.parametrize("language", ["xx", "", "es+f2", "../es"])
def test_a_language_it_does_not_speak_is_refused(
    voice: Voice, tmp_path: Path, language: str
) -> None:
    """Before anything is spoken; the error names what there is."""
    assert language not in voice.languages()
    with pytest.raises(LanguageNotAvailableError, match=r"ca, .*en, .*es, "):
        voice.speak("Hola.", language, speaker="1", into=tmp_path / "take.wav")
    with pytest.raises(LanguageNotAvailableError):
        voice.shape(language, "1")
    assert [] == list(tmp_path.iterdir())


def test_languages_are_in_order(voice: Voice) -> None:
    """And hold those the platform dubs into."""
    assert sorted(voice.languages()) == list(voice.languages())
    assert set(LINES) <= set(voice.languages())


def test_threads_get_their_own_lines(voice: Voice, tmp_path: Path) -> None:
    """Lines spoken at once are not mixed."""
    expected = {text: spoken(voice, tmp_path, text, code) for code, text in LINES.items()}
    answers: dict[str, bytes] = {}

    def speak(code: str, text: str) -> None:
        folder = tmp_path / code
        folder.mkdir()
        answers[text] = spoken(voice, folder, text, code)

    threads = [threading.Thread(target=speak, args=pair) for pair in LINES.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert expected == answers


def test_a_file_that_cannot_be_written_is_an_error(voice: Voice, tmp_path: Path) -> None:
    """The engine's words are kept, and the next line is spoken."""
    with pytest.raises(EngineFailedError) as failed:
        voice.speak("Hola.", "es", speaker="1", into=tmp_path / "missing" / "take.wav")
    assert "No such file" in str(failed.value.detail)
    assert spoken(voice, tmp_path, "Hola.")


class TestEspeak:
    """What only eSpeak NG has: a process, a speed, no price."""

    @pytest.fixture
    def espeak(self) -> Iterator[EspeakVoice]:
        """One for this test."""
        made = EspeakVoice()
        yield made
        made.close()

    def test_it_costs_nothing(self, espeak: EspeakVoice) -> None:
        """However long the line."""
        assert 0.0 == espeak.cost_usd("Hola. " * 1_000)

    def test_a_killed_process_costs_no_line(self, espeak: EspeakVoice, tmp_path: Path) -> None:
        """The line after is spoken by a new one, and sounds the same."""
        before = spoken(espeak, tmp_path, LINES["es"])
        (pid,) = espeak._process.pids()
        os.kill(pid, signal.SIGKILL)
        assert before == spoken(espeak, tmp_path, LINES["es"])
        assert (pid,) != espeak._process.pids()

    def test_no_process_is_left_after_close(self, espeak: EspeakVoice, tmp_path: Path) -> None:
        """The process ends, and what it forked."""
        spoken(espeak, tmp_path, LINES["es"])
        started = espeak._process.pids()
        espeak.close()
        assert gone(*started)

    def test_a_faster_voice_is_shorter_and_has_another_shape(self, tmp_path: Path) -> None:
        """The speed is part of what shapes the sound."""
        seconds, shapes = [], set()
        for speed in (120, 165, 240):
            voice = EspeakVoice(words_per_minute=speed)
            spoken(voice, tmp_path, LINES["es"])
            sound, rate = sound_of(tmp_path / "take.wav")
            seconds.append(len(sound) / rate)
            shapes.add(str(voice.shape("es", "1")))
            voice.close()
        assert sorted(seconds, reverse=True) == seconds
        assert 3 == len(shapes)

    def test_galician_is_read_by_the_spanish_voice(self, espeak: EspeakVoice) -> None:
        """eSpeak NG has no voice for it, and the take's key says whose it borrowed."""
        assert "gl" in espeak.languages()
        assert str(espeak.shape("gl", "1")["voice"]).startswith("es+")

    def test_every_language_it_promises_can_be_spoken(
        self, espeak: EspeakVoice, tmp_path: Path
    ) -> None:
        """Each code has a voice that the library takes."""
        silent = [code for code in espeak.languages() if not spoken(espeak, tmp_path, "1", code)]
        assert [] == silent
        assert len(espeak.languages()) > 90
