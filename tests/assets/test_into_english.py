"""A dub into English of a video that speaks another language, by the engines without an account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
from dagster import TableMetadataValue

from dub_platform.registry import DubStatus
from resources.providers.paid_once import Bill
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.recipes.media import make_clip, silence
from tests.support.rig.workshop import Workshop, list_made, metadata_of

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
