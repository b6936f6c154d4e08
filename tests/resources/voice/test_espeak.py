"""eSpeak NG in languages of other scripts, and as regions name them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core.errors import LanguageNotAvailableError
from resources.providers.paid_once import Bill
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading


@pytest.fixture(scope="module")
def voice() -> Iterator[EspeakVoice]:
    made = EspeakVoice()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ar", "الناس هنا يحبون البحر."),
        ("fa", "مردم اینجا دریا را دوست دارند."),
        ("he", "האנשים כאן אוהבים את הים."),
        ("ja", "みなとのひとびとはうみがすきです。"),
        ("zh-Hant", "這裡的人們熱愛大海。"),
        ("th", "ผู้คนที่นี่รักทะเล"),
        ("pt-BR", "As pessoas daqui amam o mar."),
    ],
)
def test_a_line_is_spoken_whatever_its_script(
    voice: EspeakVoice, tmp_path: Path, language: str, text: str
) -> None:
    """For as long as such a line takes, and aloud."""
    voice.speak(Reading(text, language), into=tmp_path / "take.wav", bill=Bill())
    sound, rate = soundfile.read(tmp_path / "take.wav", dtype="float32")
    assert 0.8 < len(sound) / rate < 12.0
    assert np.abs(sound).max() > 0.1


def test_a_region_has_the_voice_of_its_language(voice: EspeakVoice) -> None:
    """And a language that is near another is not spoken by that."""
    shapes = [voice.shape(Reading("", tag)) for tag in ("pt", "pt-BR", "zh", "zh-Hant-TW")]
    assert shapes[0] == shapes[1]
    assert shapes[2] == shapes[3]
    with pytest.raises(LanguageNotAvailableError, match="'ast'"):
        voice.shape(Reading("", "ast"))
