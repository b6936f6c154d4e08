"""What every voice promises."""

from __future__ import annotations

import os
import signal
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dub_platform.core.errors import EngineFailedError, LanguageNotAvailableError
from dub_platform.core.style.casting import Casting
from resources.providers.paid_once import Bill
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.espeak import EspeakVoice
from resources.voice.kokoro import KokoroVoice
from resources.voice.ladder import VoiceLadder
from resources.voice.neural import Weights
from resources.voice.openai import OpenAIVoice
from resources.voice.piper import PiperVoice
from resources.voice.port import Reading, Voice
from tests.support.processes import gone
from tests.support.recipes.voice_models import write_kokoro, write_piper
from tests.support.servers.providers import elevenlabs_server
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_speech import OpenAISpeechServer
from tests.support.servers.receivers import receiving

LINES = {
    "es": "Mi padre era pescador y me enseñó a leer el viento.",
    "en": "My father was a fisherman, and he taught me how to read the wind.",
    "fr": "Mon père était pêcheur, et il m'a appris à lire le vent.",
    "pl": "Mój ojciec był rybakiem i nauczył mnie czytać wiatr.",
}
# What is translated into without an account, and so has to be spoken without one.
KEYLESS_LINES = {
    "es": LINES["es"],
    "en": LINES["en"],
    "ca": "El meu pare era pescador i em va ensenyar a llegir el vent.",
    "eo": "Mia patro estis fiŝkaptisto kaj li instruis min legi la venton.",
    "gl": "Meu pai era pescador e ensinoume a ler o vento.",
}
HOSTILE = [
    "Dijo \"sí\" & 'no' <b>.",
    "<speak><break time='20s'/></speak> hola",
    '<audio src="http://169.254.169.254/"/> hola <phoneme alphabet="ipa" ph="x">si</phoneme>',
    "]]> <!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]> &e; &lt;break time='60s'/&gt; hola",
    "[[h@loU]] hola {\\an8}",
    "dos\nlíneas\r\ny\tuna tabulación",
    "😀 Ωmega 中文 hola",
    "nul\0 campana\a escape\x1b[31m \ud800 fin",
    '{"text": "hola", "path": "pwned"}',
    "; rm -rf / $(touch pwned) `touch pwned`",
    "el barco es frío, " * 220,
]


@contextmanager
def espeak(_: Path) -> Iterator[Voice]:
    """The keyless engine."""
    yield EspeakVoice()


@contextmanager
def elevenlabs(folder: Path) -> Iterator[Voice]:
    """ElevenLabs at a local server, with a voice for each of the first speakers."""
    with ElevenLabsServer(folder / "elevenlabs.jsonl") as server:
        yield ElevenLabsVoice(server.key, cast(*elevenlabs_server.VOICES[:4]), base_url=server.url)


@contextmanager
def elevenlabs_v3(folder: Path) -> Iterator[Voice]:
    """Its newest model in MP3: it is told the language, and takes no neighbours."""
    with ElevenLabsServer(folder / "elevenlabs.jsonl") as server:
        yield ElevenLabsVoice(
            server.key,
            cast(*elevenlabs_server.VOICES[:4]),
            model="eleven_v3",
            output_format="mp3_44100_128",
            base_url=server.url,
        )


@contextmanager
def openai(folder: Path) -> Iterator[Voice]:
    """OpenAI at a local server, with a voice for each of the first speakers."""
    with OpenAISpeechServer(folder / "openai.jsonl") as server:
        casting = cast("alloy", "ash", "coral", "fable")
        yield OpenAIVoice(server.key, casting, base_url=f"{server.url}/v1")


@contextmanager
def piper(folder: Path) -> Iterator[Voice]:
    """Piper with a model of four people in each of two languages, and the keyless engine below."""
    files = [
        write_piper(folder / code / "voice.onnx", language=code, people=4) for code in ("es", "en")
    ]
    models = [Weights(file, f"piper/{file.parent.name}") for file in files]
    yield VoiceLadder([PiperVoice(models), EspeakVoice()])


@contextmanager
def kokoro(folder: Path) -> Iterator[Voice]:
    """Kokoro with two voices in each of two languages, and the keyless engine below."""
    model = write_kokoro(folder / "kokoro.onnx", ["ef_dora", "em_alex", "af_heart", "am_puck"])
    yield VoiceLadder([KokoroVoice(Weights(model, "kokoro/tiny")), EspeakVoice()])


def cast(*voices: str) -> Casting:
    """A casting that gives each of the first speakers a voice."""
    own = ",".join(f"*:{number}={voice}" for number, voice in enumerate(voices, 1))
    return Casting.parse(f"{own},default={voices[0]}")


@pytest.fixture(params=[espeak, elevenlabs, elevenlabs_v3, openai, piper, kokoro])
def voice(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Voice]:
    """Each engine in turn."""
    make: Callable[[Path], AbstractContextManager[Voice]] = request.param
    with make(tmp_path_factory.mktemp("provider")) as made:
        yield made
        made.close()


def spoken(
    voice: Voice, folder: Path, text: str, language: str = "es", speaker: str = "1"
) -> bytes:
    """The bytes of the file."""
    reading = Reading(text, language, speaker)
    voice.speak(reading, into=folder / "take.wav", bill=Bill())
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


def test_speakers_are_told_apart(voice: Voice, tmp_path: Path) -> None:
    """Each of the first speakers has a sound of their own, in sound and in shape."""
    speakers = ["1", "2", "3", "4"]
    sounds = {spoken(voice, tmp_path, LINES["es"], speaker=speaker) for speaker in speakers}
    shapes = {str(voice.shape(Reading("Hola.", "es", speaker))) for speaker in speakers}
    assert (4, 4) == (len(sounds), len(shapes))


@pytest.mark.parametrize("speaker", ["0", "1", "1000000", "SPEAKER_00", "", "Ana María", "²"])
def test_any_name_of_a_speaker_has_a_voice(voice: Voice, tmp_path: Path, speaker: str) -> None:
    """And always the same one."""
    reading = Reading("Hola.", "es", speaker)
    assert voice.shape(reading) == voice.shape(reading)
    assert spoken(voice, tmp_path, "Hola.", speaker=speaker)


def test_the_shape_tells_languages_apart(voice: Voice) -> None:
    """It goes into the take's key, so what sounds different must differ in it."""
    shapes = {
        str(voice.shape(Reading("No.", code, number)))
        for code, number in product(LINES, ["1", "2"])
    }
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
    bill = Bill()
    with pytest.raises(LanguageNotAvailableError, match=r"en, .*es, .*fr, "):
        voice.speak(Reading("Hola.", language), into=tmp_path / "take.wav", bill=bill)
    with pytest.raises(LanguageNotAvailableError):
        voice.shape(Reading("Hola.", language))
    assert Bill() == bill
    assert [] == list(tmp_path.iterdir())


def test_languages_are_in_order(voice: Voice) -> None:
    """And hold those the platform dubs into."""
    assert sorted(voice.languages()) == list(voice.languages())
    assert set(LINES) <= set(voice.languages())


def test_the_shape_names_the_engine_of_a_language(voice: Voice) -> None:
    """What a take is noted to be made by is among those that its language is spoken by."""
    for code in LINES:
        assert str(voice.shape(Reading("No.", code))["engine"]) in voice.engine_for(code)


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
        spoken(voice, tmp_path / "missing", "Hola.")
    assert "No such file" in str(failed.value.detail)
    assert spoken(voice, tmp_path, "Hola.")


def test_the_bill_says_what_was_charged(voice: Voice, tmp_path: Path) -> None:
    """As many characters as the line has, at the price that was named before."""
    bill = Bill()
    voice.speak(Reading(LINES["es"], "es"), into=tmp_path / "take.wav", bill=bill)
    assert len(LINES["es"]) == bill.units
    assert pytest.approx(voice.cost_usd(LINES["es"])) == bill.cost_usd


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

    def test_a_sound_that_a_line_names_is_not_played(
        self, espeak: EspeakVoice, tmp_path: Path
    ) -> None:
        """SSML would have it open files and addresses; here a tag is read aloud."""
        (named := tmp_path / "named").mkdir()
        with receiving() as receiver:
            lines = [f'<audio src="{where}"/> hola' for where in (named / "take.wav", receiver.url)]
            before = [spoken(espeak, tmp_path, line) for line in lines]
            spoken(espeak, named, LINES["es"])
            assert before == [spoken(espeak, tmp_path, line) for line in lines]
            assert [] == receiver.got

    def test_the_same_line_is_the_same_sound(self, espeak: EspeakVoice, tmp_path: Path) -> None:
        """To the byte, whatever was spoken before, and by another process too."""
        lines = KEYLESS_LINES.items()
        first = [spoken(espeak, tmp_path, text, code) for code, text in lines]
        again = [spoken(espeak, tmp_path, text, code) for code, text in reversed(lines)]
        espeak.close()
        afresh = [spoken(espeak, tmp_path, text, code) for code, text in lines]
        assert first == again[::-1]
        assert first == afresh

    def test_it_speaks_what_is_translated_without_an_account(
        self, espeak: EspeakVoice, tmp_path: Path
    ) -> None:
        """In a plausible time each."""
        for code, text in KEYLESS_LINES.items():
            spoken(espeak, tmp_path, text, code)
            sound, rate = sound_of(tmp_path / "take.wav")
            assert 8 < len(text) / (len(sound) / rate) < 25

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
            shapes.add(str(voice.shape(Reading("Hola.", "es"))))
            voice.close()
        assert sorted(seconds, reverse=True) == seconds
        assert 3 == len(shapes)

    def test_galician_is_read_by_the_spanish_voice(self, espeak: EspeakVoice) -> None:
        """eSpeak NG has no voice for it, and the take's key says whose it borrowed."""
        assert "gl" in espeak.languages()
        assert str(espeak.shape(Reading("Ola.", "gl"))["voice"]).startswith("es+")

    def test_every_language_it_promises_can_be_spoken(
        self, espeak: EspeakVoice, tmp_path: Path
    ) -> None:
        """Each code has a voice that the library takes."""
        silent = [code for code in espeak.languages() if not spoken(espeak, tmp_path, "1", code)]
        assert [] == silent
        assert len(espeak.languages()) > 90
