"""What every voice promises."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import Path

import pytest

from dub_platform.contracts.voices import (
    LINES,
    SPEAKERS,
    VoiceContract,
    sound_of,
    spoken,
)
from dub_platform.core.style.casting import Casting
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.espeak import EspeakVoice
from resources.voice.kokoro import KokoroVoice
from resources.voice.ladder import VoiceLadder
from resources.voice.neural import Weights
from resources.voice.openai import OpenAIVoice
from resources.voice.piper import PiperVoice
from resources.voice.port import Reading, Voice
from tests.support.processes import is_gone
from tests.support.recipes.voice_models import write_kokoro, write_piper
from tests.support.servers.providers import elevenlabs_server
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_speech import OpenAISpeechServer
from tests.support.servers.receivers import receiving

# What is translated into without an account, and so has to be spoken without one.
KEYLESS_LINES = {
    "es": LINES["es"],
    "en": LINES["en"],
    "ca": "El meu pare era pescador i em va ensenyar a llegir el vent.",
    "eo": "Mia patro estis fiŝkaptisto kaj li instruis min legi la venton.",
    "gl": "Meu pai era pescador e ensinoume a ler o vento.",
}


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


ENGINES = [
    pytest.param(make, id=make.__name__, marks=pytest.mark.xdist_group(f"voice {make.__name__}"))
    for make in (espeak, elevenlabs, elevenlabs_v3, openai, piper, kokoro)
]


@pytest.fixture(scope="module", params=ENGINES)
def voice(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Voice]:
    """Each engine in turn, started once for all that it promises, and in a folder of its own."""
    make: Callable[[Path], AbstractContextManager[Voice]] = request.param
    place, folder = tmp_path_factory.mktemp("place"), tmp_path_factory.mktemp("provider")
    with pytest.MonkeyPatch.context() as here, make(folder) as made:
        here.chdir(place)
        spoken(made, tmp_path_factory.mktemp("first"), "Hola.")
        yield made
        made.close()
    assert [] == list(place.iterdir()), "A line had the engine write where it works."


class TestVoice(VoiceContract):
    """The list of every voice, and what ours promise beside it."""

    def test_each_of_the_first_speakers_has_a_sound(self, voice: Voice, tmp_path: Path) -> None:
        """In sound and in shape."""
        sounds = {spoken(voice, tmp_path, LINES["es"], speaker=each) for each in SPEAKERS}
        shapes = {str(voice.shape(Reading("Hola.", "es", each))) for each in SPEAKERS}
        assert (4, 4) == (len(sounds), len(shapes))

    def test_the_languages_the_platform_dubs_into_are_there(self, voice: Voice) -> None:
        """In each of them, two speakers have a shape of their own."""
        assert set(LINES) <= set(voice.languages())
        shapes = {
            str(voice.shape(Reading("No.", code, number)))
            for code, number in product(LINES, ["1", "2"])
        }
        assert 2 * len(LINES) == len(shapes)


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
        assert is_gone(*started)

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
