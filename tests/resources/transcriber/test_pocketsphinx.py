"""The recogniser that comes with the platform, where it did not come."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.speech import Transcript
from dub_platform.core.text.belief import judge_hearing
from dub_platform.core.text.lines import regroup
from resources.media.vad import SileroSpeechFinder
from resources.providers.paid_once import Bill
from resources.transcriber import pocketsphinx
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.recipes.speech import FISHERMAN, RATE, WATER, say, write_wav

SAID = {
    "en": [FISHERMAN, WATER],
    "es": [
        "Mi padre era pescador y me enseñó a leer el viento.",
        "El agua está fría, pero a la gente de aquí le encanta el mar.",
    ],
    "de": [
        "Mein Vater war Fischer und lehrte mich, den Wind zu lesen.",
        "Das Wasser ist kalt, aber die Leute hier lieben das Meer.",
    ],
}


def not_installed(name: str) -> str:
    raise PackageNotFoundError(name)


def test_without_its_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with the variable, the Pythons that it is made for, and the extra."""
    monkeypatch.setattr(pocketsphinx, "version", not_installed)
    with pytest.raises(EngineUnavailableError, match="DUB_TRANSCRIBER is pocketsphinx") as refused:
        pocketsphinx.PocketsphinxTranscriber()
    assert "-e '.[pocketsphinx]'" in str(refused.value)


@pytest.mark.parametrize(
    "language",
    ["en", *(pytest.param(name, marks=pytest.mark.long) for name in ("es", "de"))],
)
def test_what_it_does_not_understand_is_not_believed(tmp_path: Path, language: str) -> None:
    """It writes English of any language; of what is none it is less sure than it has to be."""
    takes = [spoken(text, language, tmp_path) for text in SAID[language]]
    pause = np.zeros(RATE)
    sound = np.concatenate([part for take in takes for part in (pause, take)])
    path = tmp_path / "speech.wav"
    write_wav(path, sound)
    speech = SileroSpeechFinder().find(path)
    heard = pocketsphinx.PocketsphinxTranscriber().transcribe(path, speech, "en")
    lines = regroup(heard.segments, speech)
    made = Transcript("en", heard.engine, lines, least_confidence=heard.least_confidence)
    assert (language == "en") == (judge_hearing(made) is None)
    assert len(" ".join(line.text for line in lines).split()) > 10


def spoken(text: str, language: str, folder: Path) -> NDArray[np.float64]:
    """A sentence by a synthetic voice of its language, at 16 kHz."""
    if language == "en":
        return 0.6 * say(text)
    path = folder / "take.wav"
    voice = EspeakVoice(150)
    voice.speak(Reading(text, language), into=path, bill=Bill())
    voice.close()
    sound, rate = soundfile.read(path)
    from scipy.signal import resample_poly

    return np.asarray(0.6 * resample_poly(sound, RATE, rate))
