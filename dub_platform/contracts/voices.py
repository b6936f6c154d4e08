"""What every voice promises: a class of tests that asks for the fixture `voice`."""

from __future__ import annotations

import re
import threading
import wave
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dub_platform.core.errors import EngineFailedError, LanguageNotAvailableError
from resources.providers.paid_once import Bill
from resources.voice.port import Reading, Voice

LINES: Mapping[str, str] = {
    "es": "Mi padre era pescador y me enseñó a leer el viento.",
    "en": "My father was a fisherman, and he taught me how to read the wind.",
    "fr": "Mon père était pêcheur, et il m'a appris à lire le vent.",
    "pl": "Mój ojciec był rybakiem i nauczył mnie czytać wiatr.",
}
OTHER_LINES: Mapping[str, str] = {
    "de": "Mein Vater war Fischer, und er lehrte mich, den Wind zu lesen.",
    "hi": "मेरे पिता मछुआरे थे और उन्होंने मुझे हवा को पढ़ना सिखाया।",
    "it": "Mio padre era un pescatore e mi ha insegnato a leggere il vento.",
    "ja": "父は漁師で、風の読み方を教えてくれました。",
    "pt": "Meu pai era pescador e me ensinou a ler o vento.",
    "ru": "Мой отец был рыбаком и научил меня читать ветер.",
    "zh": "我的父亲是一位渔夫，他教会了我如何看风。",
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
SPEAKERS = ("1", "2", "3", "4")


def lines_for(voice: Voice) -> Mapping[str, str]:
    """A line in each of a few languages that it speaks, one of them at least."""
    speaks = voice.languages()
    for lines in (LINES, OTHER_LINES):
        if known := {code: text for code, text in lines.items() if code in speaks}:
            return known
    return {speaks[0]: LINES["en"]}


def language_for(voice: Voice) -> str:
    """A language that it speaks, Spanish if it can."""
    return next(iter(lines_for(voice)))


def spoken(voice: Voice, folder: Path, text: str, language: str = "", speaker: str = "1") -> bytes:
    """The bytes of the file."""
    reading = Reading(text, language or language_for(voice), speaker)
    voice.speak(reading, into=folder / "take.wav", bill=Bill())
    return (folder / "take.wav").read_bytes()


def sound_of(path: Path) -> tuple[NDArray[np.float64], int]:
    """Samples between -1 and 1, and their rate, of what must be mono 16-bit WAV."""
    with wave.open(str(path)) as source:
        assert (1, 2) == (source.getnchannels(), source.getsampwidth())
        frames = source.readframes(source.getnframes())
        assert len(frames) == 2 * source.getnframes()
        return np.frombuffer(frames, "<i2") / 32768, source.getframerate()


def longest_run(values: NDArray[np.bool_]) -> int:
    """The length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], values, [False])).astype(int)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


class VoiceContract:
    """The promises of `resources/voice/port.py`."""

    def test_a_line_is_spoken_in_a_plausible_time(self, voice: Voice, tmp_path: Path) -> None:
        """The file decodes, is neither silent nor clipped, and is as long as such a line takes."""
        for language, text in lines_for(voice).items():
            spoken(voice, tmp_path, text, language)
            sound, rate = sound_of(tmp_path / "take.wav")
            # A character of Chinese or Japanese is a syllable or two.
            least = 2 if language in ("ja", "zh") else 8
            assert least < len(text) / (len(sound) / rate) < 25
            assert float(np.sqrt(np.mean(sound**2))) > 0.02
            assert float(np.mean(np.abs(sound) < 0.99)) > 0.9

    def test_what_sounds_different_has_another_shape(self, voice: Voice, tmp_path: Path) -> None:
        """A take is kept under its shape, so those who sound alike share one, and others none."""
        language, text = next(iter(lines_for(voice).items()))
        shapes = {each: str(voice.shape(Reading(text, language, each))) for each in SPEAKERS}
        sounds = {each: spoken(voice, tmp_path, text, language, each) for each in SPEAKERS}
        if sounds["1"] == spoken(voice, tmp_path, text, language, "1"):
            assert len(set(shapes.values())) == len(set(sounds.values()))

    @pytest.mark.parametrize("speaker", ["0", "1", "1000000", "SPEAKER_00", "", "Ana María", "²"])
    def test_any_name_of_a_speaker_has_a_voice(
        self, voice: Voice, tmp_path: Path, speaker: str
    ) -> None:
        """And always the same one."""
        reading = Reading("Hola.", language_for(voice), speaker)
        assert voice.shape(reading) == voice.shape(reading)
        assert spoken(voice, tmp_path, "Hola.", speaker=speaker)

    def test_the_shape_tells_languages_apart(self, voice: Voice) -> None:
        """It goes into the take's key, so what sounds different must differ in it."""
        codes = lines_for(voice)
        for number in ("1", "2"):
            shapes = {str(voice.shape(Reading("No.", code, number))) for code in codes}
            assert len(codes) == len(shapes)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_is_only_text(
        self, voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
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

    @pytest.mark.parametrize("language", ["xx", "", "es+f2", "../es"])
    def test_a_language_it_does_not_speak_is_refused(
        self, voice: Voice, tmp_path: Path, language: str
    ) -> None:
        """Before anything is spoken; the error names what there is."""
        assert language not in voice.languages()
        bill, reading = Bill(), Reading("Hola.", language)
        with pytest.raises(LanguageNotAvailableError) as refused:
            voice.speak(reading, into=tmp_path / "take.wav", bill=bill)
        assert set(lines_for(voice)) <= set(re.findall(r"\w+", refused.value.sentence))
        with pytest.raises(LanguageNotAvailableError):
            voice.shape(reading)
        assert Bill() == bill
        assert [] == list(tmp_path.iterdir())

    def test_languages_are_in_order(self, voice: Voice) -> None:
        """There is one at least."""
        assert sorted(voice.languages()) == list(voice.languages()) != []

    def test_the_shape_names_the_engine_of_a_language(self, voice: Voice) -> None:
        """What a take is noted to be made by is among those that its language is spoken by."""
        for code in lines_for(voice):
            assert str(voice.shape(Reading("No.", code))["engine"]) in voice.engine_for(code)

    def test_threads_get_their_own_lines(self, voice: Voice, tmp_path: Path) -> None:
        """Lines spoken at once are not mixed."""
        lines = [*product(lines_for(voice).items(), SPEAKERS)][:4]
        expected = [spoken(voice, tmp_path, text, code, who) for (code, text), who in lines]
        repeats = expected[0] == spoken(voice, tmp_path, lines[0][0][1], *lines[0][0][:1])
        answers: dict[int, bytes] = {}

        def speak(number: int, code: str, text: str, who: str) -> None:
            (folder := tmp_path / str(number)).mkdir()
            answers[number] = spoken(voice, folder, text, code, who)

        threads = [
            threading.Thread(target=speak, args=(number, code, text, who))
            for number, ((code, text), who) in enumerate(lines)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(lines) == len(answers)
        # A voice that says the same line another way each time cannot be compared.
        assert not repeats or expected == [answers[number] for number in range(len(lines))]

    def test_a_file_that_cannot_be_written_is_an_error(self, voice: Voice, tmp_path: Path) -> None:
        """The engine's words are kept, and the next line is spoken."""
        with pytest.raises(EngineFailedError) as failed:
            spoken(voice, tmp_path / "missing", "Hola.")
        assert "No such file" in str(failed.value.detail)
        assert spoken(voice, tmp_path, "Hola.")

    def test_the_bill_says_what_was_charged(self, voice: Voice, tmp_path: Path) -> None:
        """As many characters as the line has, at the price that was named before."""
        bill = Bill()
        language, text = next(iter(lines_for(voice).items()))
        voice.speak(Reading(text, language), into=tmp_path / "take.wav", bill=bill)
        assert len(text) == bill.units
        assert pytest.approx(voice.cost_usd(text)) == bill.cost_usd

    def test_it_can_be_used_after_close(self, voice: Voice, tmp_path: Path) -> None:
        """close() lets go of what was warm; the next line warms it again."""
        voice.close()
        assert spoken(voice, tmp_path, "Hola.")
