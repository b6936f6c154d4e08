"""A dub into English of a video that speaks another language, by the engines without an account.

English is what a recogniser without an account knows, so here takes are heard again, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
from dagster import TableMetadataValue

from dub_platform import wiring
from dub_platform.core.speech import Takes
from dub_platform.registry import DubStatus
from resources.listening.takes import TakeHearer
from resources.providers.paid_once import Bill
from resources.store.values import value_in
from resources.transcriber.pocketsphinx import PocketsphinxTranscriber
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.recipes import speech
from tests.support.recipes.media import make_clip, silence
from tests.support.rig.workshop import Workshop, list_made, metadata_of, open_workshop

SECONDS = 10.0
# eSpeak NG's, in Hz.
RATE = 22_050
SENTENCES = (
    (0.8, "Mi padre era pescador en este pueblo."),
    (5.2, "El domingo por la mañana el mercado abre a las siete."),
)
SAID = ("father was", "market opens")


@dataclass(frozen=True)
class SpanishClip:
    """The file, and the text of an SRT file for it."""

    path: Path
    captions: str


@pytest.fixture
def spanish(tmp_path: Path) -> SpanishClip:
    """Ten seconds in which eSpeak NG says two sentences."""
    voice, take, cues = EspeakVoice(), tmp_path / "take.wav", []
    sound = silence(SECONDS, rate=RATE)
    for start, text in SENTENCES:
        voice.speak(Reading(text, "es"), into=take, bill=Bill())
        said, _ = soundfile.read(take, dtype="float32")
        first = round(start * RATE)
        sound[first : first + len(said)] = said
        cues.append(cue(start, start + len(said) / RATE, text))
    voice.close()
    path = make_clip(tmp_path / "clip.mkv", seconds=SECONDS, sound=sound, rate=RATE)
    return SpanishClip(path, "\n".join(cues))


def cue(start: float, end: float, text: str) -> str:
    """A cue of an SRT file, from and to seconds within the first minute."""
    times = [f"00:00:{seconds:06.3f}".replace(".", ",") for seconds in (start, end)]
    return f"1\n{' --> '.join(times)}\n{text}\n"


def test_a_spanish_video_with_captions_is_released_in_english(
    workshop: Workshop, spanish: SpanishClip
) -> None:
    """Its captions are translated, and eSpeak NG speaks what Apertium wrote."""
    video_id = workshop.hand_in(spanish.path, "en", captions=spanish.captions, language="es")
    workshop.prepare(video_id)
    table = metadata_of(list_made(workshop.dub(video_id, "en"))["r2_object"])["table"]
    assert isinstance(table, TableMetadataValue)
    lines = [record.data for record in table.records]
    assert [text for _, text in SENTENCES] == [line["source"] for line in lines]
    for words, line in zip(SAID, lines, strict=True):
        assert words in str(line["target"])
    assert DubStatus.RELEASED is workshop.registry.dub(video_id, "en").status


class ForgetfulVoice(EspeakVoice):
    """flite, which recognisers understand; of a line about the market it says something else."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        """Write what is said to the file."""
        self.asked.append(reading.text)
        said = speech.BOATS if "market" in reading.text else reading.text
        speech.write_wav(into, speech.say(said))
        bill.charge(len(reading.text), 0.0)


@contextmanager
def hear_takes(
    monkeypatch: pytest.MonkeyPatch, folder: Path, voice: ForgetfulVoice, *, refuses: bool
) -> Iterator[Workshop]:
    """A workshop in which this voice speaks, and a real recogniser hears its takes."""
    hearer = TakeHearer(PocketsphinxTranscriber(), refuses=refuses)
    monkeypatch.setattr(wiring, "voice", lambda _: voice)
    monkeypatch.setattr(wiring, "take_hearer", lambda *_: hearer)
    with open_workshop(folder) as workshop:
        yield workshop


def test_a_take_that_says_something_else_is_refused_and_not_spoken_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spanish: SpanishClip
) -> None:
    """Nothing is released; line, text, what was heard and what to do are told, each time it is
    asked for, and the takes are kept."""
    voice = ForgetfulVoice()
    with hear_takes(monkeypatch, tmp_path, voice, refuses=True) as workshop:
        video_id = workshop.hand_in(spanish.path, "en", captions=spanish.captions, language="es")
        workshop.prepare(video_id)
        for _ in range(2):
            refused = workshop.dub(video_id, "en", raise_on_error=False)
            assert not refused.success
            [check] = [
                each
                for each in refused.get_asset_check_evaluations()
                if each.check_name == "every_line_has_a_take"
            ]
            told = str(check.description)
            assert told.startswith("Line 1 was to say `")
            assert "Line 0" not in told
            assert "market" in told.partition(" is heard.")[0].partition("` and `")[0]
            assert "boats" in told.partition("` and `")[2].partition(" is heard.")[0]
            assert "PUT /videos/ID/dubs/LANGUAGE/lines/NUMBER" in told
            assert not list(workshop.settings.store_dir.glob("releases/**/track.m4a"))
        assert len(SENTENCES) == len(voice.asked)
        kept = value_in(workshop.store, Takes, "speech", video_id, "en")
        assert kept
        assert all(take.reused for take in kept.takes)


def test_where_it_is_only_told_the_dub_is_released(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spanish: SpanishClip
) -> None:
    """With the same sentence, beside a check that did not pass and stopped nothing."""
    with hear_takes(monkeypatch, tmp_path, ForgetfulVoice(), refuses=False) as workshop:
        video_id = workshop.hand_in(spanish.path, "en", captions=spanish.captions, language="es")
        workshop.prepare(video_id)
        made = workshop.dub(video_id, "en")
        told = [
            str(each.description) for each in made.get_asset_check_evaluations() if not each.passed
        ]
        assert 1 == len(told)
        assert told[0].startswith("Line 1 was to say `")
        assert DubStatus.RELEASED is workshop.registry.dub(video_id, "en").status
