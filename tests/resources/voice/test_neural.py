"""Voice models on the processor: who speaks, how fast, and what becomes of their processes."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core.errors import (
    BadTakeError,
    EngineFailedError,
    EngineUnavailableError,
    LanguageNotAvailableError,
)
from dub_platform.core.style.casting import IN_TURN, Casting
from resources.providers.paid_once import Bill
from resources.voice.espeak import EspeakVoice
from resources.voice.kokoro import _HOMES, KokoroVoice
from resources.voice.ladder import VoiceLadder
from resources.voice.neural import NeuralVoice, Weights
from resources.voice.phonemes import Phonemes, breaths
from resources.voice.piper import PiperVoice
from resources.voice.port import Reading
from resources.voice.recording import decode_recording, find_speech_bounds
from resources.voice.spoken_text import spell_out
from tests.support.processes import is_gone
from tests.support.recipes.voice_models import PIPER_RATE, write_kokoro, write_piper

LINE = "Mi padre era pescador y me enseñó a leer el viento."
ENGLISH = "My father was a fisherman, and he taught me how to read the wind."


def make_piper(folder: Path, **how: float) -> PiperVoice:
    """Two people who speak Spanish, and one who speaks English."""
    two = write_piper(folder / "two" / "voice.onnx", language="es", people=2)
    one = write_piper(folder / "one" / "voice.onnx", language="en-us")
    return PiperVoice([Weights(two, "piper/two 0a"), Weights(one, "piper/one 0b")], **how)  # type: ignore[arg-type]


def make_kokoro(folder: Path) -> KokoroVoice:
    """Three voices that speak Spanish, and one French."""
    voices = ["em_santa", "em_alex", "ef_dora", "ff_siwis", "zf_xiaoyi"]
    return KokoroVoice(Weights(write_kokoro(folder / "kokoro.onnx", voices), "kokoro/tiny 0c"))


@pytest.fixture(params=["piper", "kokoro"])
def voice(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NeuralVoice]:
    """Each in turn."""
    makes = {"piper": make_piper, "kokoro": make_kokoro}
    made = makes[request.param](tmp_path / "models")  # type: ignore[operator]
    yield made
    made.close()


def speak(voice: NeuralVoice | VoiceLadder, reading: Reading, folder: Path) -> bytes:
    """The bytes of the take."""
    voice.speak(reading, into=folder / "take.wav", bill=Bill())
    return (folder / "take.wav").read_bytes()


def seconds_of(voice: NeuralVoice, reading: Reading, folder: Path) -> float:
    """How long its speech is."""
    speak(voice, reading, folder)
    recording = decode_recording(folder / "take.wav")
    start, end = find_speech_bounds(recording.sound, recording.rate)
    return end - start


def pids(voice: NeuralVoice) -> list[int]:
    """The processes that have its models."""
    models = voice._models.values()
    return [pid for model in models for process in model.processes for pid in process.pids()]


def test_the_same_line_is_the_same_sound(voice: NeuralVoice, tmp_path: Path) -> None:
    """To the byte, whatever was spoken before it, and by another process too: Piper throws dice."""
    first = [speak(voice, Reading(text, "es"), tmp_path) for text in (LINE, "Hola.")]
    again = [speak(voice, Reading(text, "es"), tmp_path) for text in ("Hola.", LINE)]
    voice.close()
    afresh = speak(voice, Reading(LINE, "es"), tmp_path)
    assert first == again[::-1]
    assert first[0] == afresh


@pytest.mark.parametrize("pace", [1.1, 1.2])
def test_a_pace_is_kept_by_the_voice_itself(
    voice: NeuralVoice, tmp_path: Path, pace: float
) -> None:
    """The take is shorter by about as much, and has another key; at rest it has the one it had."""
    at_rest = seconds_of(voice, Reading(LINE, "es"), tmp_path)
    hurried = seconds_of(voice, Reading(LINE, "es", pace=pace), tmp_path)
    assert at_rest / 1.5 < hurried < at_rest / (1 + (pace - 1) / 2)
    assert voice.shape(Reading(LINE, "es", pace=pace)) != voice.shape(Reading(LINE, "es"))
    assert "pace" not in voice.shape(Reading(LINE, "es"))


def test_a_killed_process_costs_no_line(voice: NeuralVoice, tmp_path: Path) -> None:
    """The line after is spoken by a new one, and sounds the same."""
    before = speak(voice, Reading(LINE, "es"), tmp_path)
    (pid,) = pids(voice)
    os.kill(pid, signal.SIGKILL)
    assert before == speak(voice, Reading(LINE, "es"), tmp_path)
    assert [pid] != pids(voice)


def test_no_process_is_left_after_close(voice: NeuralVoice, tmp_path: Path) -> None:
    """Neither the model's nor eSpeak NG's."""
    speak(voice, Reading(LINE, "es"), tmp_path)
    started = [*pids(voice), *voice._phonemes._process.pids()]
    assert 2 == len(started)
    voice.close()
    assert is_gone(*started)


def test_what_nobody_asks_any_more_is_let_go_of(tmp_path: Path) -> None:
    """The processes end by themselves, and the next line is spoken all the same."""
    voice = make_piper(tmp_path, idle_seconds=0.01)
    before = speak(voice, Reading(LINE, "es"), tmp_path)
    for _ in range(3):
        process = voice._models[tmp_path / "two" / "voice.onnx"].processes[0]
        resting = process._idle
        if resting:
            resting.join()
        assert () == process.pids()
        assert before == speak(voice, Reading(LINE, "es"), tmp_path)
    voice.close()


def test_takes_are_spoken_side_by_side(tmp_path: Path) -> None:
    """By as many processes as there are threads, each with a line at a time."""
    voice = make_piper(tmp_path, threads=2)
    both = threading.Barrier(2)

    def speak_with_another() -> None:
        with voice._model(Weights(tmp_path / "two" / "voice.onnx", "piper/two 0a")).lend():
            both.wait()

    threads = [threading.Thread(target=speak_with_another) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 2 == voice.parallel
    assert not both.broken


@pytest.mark.parametrize("text", ["", "...", "♪ ♪", " \n "])
def test_what_says_nothing_is_refused(voice: NeuralVoice, tmp_path: Path, text: str) -> None:
    """A model would answer with noise; the error says what to do."""
    with pytest.raises(BadTakeError, match=r"nothing in line 3 .*Reword it"):
        speak(voice, Reading(text, "es", name="line 3"), tmp_path)
    assert not (tmp_path / "take.wav").exists()


def test_a_long_text_is_said_in_breaths(voice: NeuralVoice, tmp_path: Path) -> None:
    """All of it: twice the text takes twice as long, however much a model takes at once."""
    once = seconds_of(voice, Reading(f"{LINE} " * 20, "es"), tmp_path)
    twice = seconds_of(voice, Reading(f"{LINE} " * 40, "es"), tmp_path)
    assert pytest.approx(2 * once, rel=0.02) == twice


def test_a_model_that_is_none_is_named(tmp_path: Path) -> None:
    """With what the runtime says of it, and no traceback on the way."""
    voice = make_piper(tmp_path)
    (tmp_path / "two" / "voice.onnx").write_bytes(b"no model")
    with pytest.raises(EngineFailedError, match="piper/two 0a") as failed:
        speak(voice, Reading(LINE, "es"), tmp_path)
    assert "INVALID_PROTOBUF" in str(failed.value.detail) or "Protobuf" in str(failed.value.detail)
    voice.close()


class TestPiper:
    """What only Piper has: a file for each voice, and its description."""

    def test_it_speaks_what_its_files_do(self, tmp_path: Path) -> None:
        """The languages of eSpeak NG that they were taught with, and whose weights they are."""
        voice = make_piper(tmp_path)
        assert ("en", "es") == voice.languages()
        assert ["piper/one 0b", "piper/two 0a"] == [voice.engine_for(code) for code in ("en", "es")]
        with pytest.raises(LanguageNotAvailableError, match="It speaks en, es"):
            voice.shape(Reading("Bom dia.", "pt"))

    def test_a_language_goes_by_its_own_name(self, tmp_path: Path) -> None:
        """Where eSpeak NG has another for it."""
        model = write_piper(tmp_path / "voice.onnx", language="cmn")
        about = json.loads((tmp_path / "voice.onnx.json").read_text())
        about["language"] = {"code": "zh_CN", "family": "zh"}
        (tmp_path / "voice.onnx.json").write_text(json.dumps(about))
        assert ("zh",) == PiperVoice([Weights(model, "piper/huayan")]).languages()

    def test_one_voice_is_as_many_people_as_it_has_pitches(self, tmp_path: Path) -> None:
        """The second is lower, the third higher, each as long as the first; then it begins anew."""
        voice = make_piper(tmp_path)
        rates, seconds = [], []
        for speaker in "1234":
            seconds.append(seconds_of(voice, Reading(ENGLISH, "en", speaker), tmp_path))
            rates.append(soundfile.info(str(tmp_path / "take.wav")).samplerate)
        assert [PIPER_RATE, 19_845, 24_255, PIPER_RATE] == rates
        assert max(seconds) < 1.1 * min(seconds)
        voice.close()

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("{}", "does not describe a voice"),
            ("", "does not describe a voice"),
            (
                '{"audio": {"sample_rate": 1}, "espeak": {"voice": "ja"}, "phoneme_id_map": {}}',
                "not told phonemes of eSpeak NG",
            ),
        ],
    )
    def test_a_description_that_cannot_be_used_is_named(
        self, tmp_path: Path, written: str, said: str
    ) -> None:
        """When the platform starts, and not in the middle of a video."""
        make_piper(tmp_path)
        (tmp_path / "one" / "voice.onnx.json").write_text(written)
        with pytest.raises(EngineUnavailableError, match=said):
            PiperVoice([Weights(tmp_path / "one" / "voice.onnx", "piper/one 0b")])


class TestKokoro:
    """What only Kokoro has: voices beside its one model."""

    def test_women_and_men_take_turns(self, tmp_path: Path) -> None:
        """In each language, Father Christmas last; for Chinese there are no phonemes."""
        voice = make_kokoro(tmp_path)
        cast = [voice.shape(Reading("Hola.", "es", speaker))["voice"] for speaker in "1234"]
        assert ["ef_dora", "em_alex", "em_santa", "ef_dora"] == cast
        assert ("es", "fr") == voice.languages()

    def test_a_voice_can_be_named_for_anybody(self, tmp_path: Path) -> None:
        """For a speaker or a language; whoever is not named takes turns as before."""
        named = Casting.parse("es:1=em_santa, fr=ef_dora", default=IN_TURN)
        model = Weights(write_kokoro(tmp_path / "k.onnx", ["ef_dora", "em_santa", "ff_siwis"]), "k")
        voice = KokoroVoice(model, named)
        readings = [Reading("A.", "es", "1"), Reading("A.", "es", "2"), Reading("A.", "fr", "1")]
        shapes = [voice.shape(reading) for reading in readings]
        assert ["em_santa", "em_santa", "ef_dora"] == [shape["voice"] for shape in shapes]
        # The Spanish voice reads French as French, with its accent.
        assert "fr" == shapes[2]["language"]

    def test_a_name_that_nobody_has_is_refused(self, tmp_path: Path) -> None:
        """When the platform starts; the error has the names that there are."""
        model = Weights(write_kokoro(tmp_path / "k.onnx", ["ef_dora"]), "k")
        with pytest.raises(EngineUnavailableError, match=r"called em_alex here. It has ef_dora"):
            KokoroVoice(model, Casting.parse("es=em_alex", default=IN_TURN))

    def test_a_model_without_voices_is_refused(self, tmp_path: Path) -> None:
        """It has nobody to speak with."""
        with pytest.raises(EngineUnavailableError, match="There are no voices in"):
            KokoroVoice(Weights(write_kokoro(tmp_path / "k.onnx", []), "k"))


class TestLadder:
    """Voices by preference."""

    def test_a_language_is_spoken_by_the_first_that_knows_it(self, tmp_path: Path) -> None:
        """And the receipt says who that was."""
        ladder = VoiceLadder([make_kokoro(tmp_path), make_piper(tmp_path), EspeakVoice()])
        engines = [ladder.engine_for(code) for code in ("fr", "en", "pl")]
        assert ["kokoro/tiny 0c", "piper/one 0b"] == engines[:2]
        assert engines[2].startswith("espeak-ng")
        shapes = [ladder.shape(Reading("No.", code)) for code in ("fr", "en", "pl")]
        assert engines == [shape["engine"] for shape in shapes]

    def test_a_take_of_the_last_resort_is_the_one_that_it_would_be_alone(
        self, tmp_path: Path
    ) -> None:
        """So what was spoken before there was a better voice is found."""
        ladder = VoiceLadder([make_kokoro(tmp_path), EspeakVoice()])
        reading = Reading("Dzień dobry.", "pl")
        assert EspeakVoice().shape(reading) == ladder.shape(reading)

    def test_what_fails_is_no_reason_for_another_voice(self, tmp_path: Path) -> None:
        """A dub with two voices for one person is worse than none."""
        kokoro = make_kokoro(tmp_path)
        (tmp_path / "kokoro.onnx").write_bytes(b"no model")
        ladder = VoiceLadder([kokoro, EspeakVoice()])
        with pytest.raises(EngineFailedError, match="kokoro/tiny 0c"):
            speak(ladder, Reading(LINE, "es"), tmp_path)
        ladder.close()


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "It cost $5.50, then $1.", "It cost 5.50 dollars, then 1 dollar."),
        ("en", "$5 million at 120 km/h", "5 million dollars at 120 kilometers per hour"),
        ("en", "on 2024-03-05", "on March 5, 2024"),
        ("es", "Cuesta 1.299,99 €", "Cuesta 1.299,99 euros"),
        ("es", "el 05/03/2024 a 20 °C", "el 5 de marzo de 2024 a 20 grados Celsius"),
        ("pt", "US$ 3 ou 1 kg", "3 Dólares ou 1 quilograma"),
        ("de", "am 5.3.2024", "am 5. März 2024"),
        ("ru", "100 ₽", "100 рублей"),
        ("en", "2024-13-45, 99/99/2024, £3m, v1.2", "2024-13-45, 99/99/2024, £3m, v1.2"),
        ("tlh", "$5", "$5"),
    ],
)
def test_dates_money_and_measures_are_words(language: str, written: str, said: str) -> None:
    """In the language, with its plurals; what is none of these stays as it is."""
    assert said == spell_out(written, language)


def test_what_is_said_otherwise_than_written_has_a_key_of_its_own(voice: NeuralVoice) -> None:
    """CLDR's next words for it are another take."""
    assert "5 euros" == voice.shape(Reading("5 €", "es"))["said"]
    assert "said" not in voice.shape(Reading("cinco", "es"))


@pytest.mark.parametrize("name", ["en-gb", "fr-fr", *(espeak for _, espeak in _HOMES.values())])
def test_every_language_of_a_model_can_be_spelled(name: str) -> None:
    """Also by a name that models have and eSpeak NG has not."""
    phonemes = Phonemes()
    assert phonemes.spell("a", name)
    phonemes.close()


def test_a_language_that_nobody_can_spell_is_an_error() -> None:
    """With what eSpeak NG says of it."""
    phonemes = Phonemes()
    with pytest.raises(EngineFailedError) as failed:
        phonemes.spell("a", "xx-yy")
    assert "xx-yy" in str(failed.value.detail)
    phonemes.close()


def test_clauses_keep_their_marks() -> None:
    """A title and a number are no ends of sentences."""
    phonemes = Phonemes()
    clauses = phonemes.spell("Dr. Smith paid 3.5, did he? Yes… (no).", "en-us")
    assert [",", "?", "…", "."] == [clause[-1] for clause in clauses]
    phonemes.close()


def test_breaths_end_with_sentences_and_lose_nothing() -> None:
    """As few as there can be; what is too long is cut between words, or anywhere."""
    clauses = [*["one two three."] * 30, "a" * 250, "one two " * 40]
    cut = breaths(clauses, 100)
    assert all(len(each) <= 100 for each in cut)
    assert "".join("".join(clauses).split()) == "".join("".join(cut).split())
    assert cut[0].endswith(".")
    assert np.mean([len(each) for each in cut]) > 60
