"""Takes of real voice models, heard again by a recogniser: what they say is what was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.settings import Settings
from resources.providers.paid_once import Bill
from resources.voice.port import Reading, Voice
from tests.support import weights
from tests.support.recipes.speech import count_wrong_words, plain_words

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("weights")]

LINES = {
    "en": (
        "My father was a fisherman, and he taught me how to read the wind.",
        "Today the market is full of fresh fish and bread.",
        "The children were playing in the garden when the rain began.",
    ),
    "es": (
        "Hoy el mercado está lleno de pescado fresco y de pan.",
        "Deberíamos haber salido antes de la tormenta, pero nadie quería volver a casa.",
        "Los niños jugaban en el jardín cuando empezó la lluvia.",
    ),
    "pt": (
        "Meu pai era pescador e me ensinou a ler o vento.",
        "Hoje o mercado está cheio de peixe fresco e de pão.",
        "As crianças brincavam no jardim quando a chuva começou.",
    ),
}
# The most words of a hundred that are heard wrong.
MOST_WRONG = 0.10


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voice]:
    """Kokoro, with Piper below it, as DUB_VOICE=kokoro makes them."""
    models = weights.bring("kokoro/v1.0-int8", "piper/en_US-joe-medium")
    home = tmp_path_factory.mktemp("home")
    made = wiring.voice(Settings(home=home, voice="kokoro", models_dir=models.root))
    yield made
    made.close()


@pytest.fixture(scope="module")
def piper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voice]:
    """Piper, as DUB_VOICE=piper makes it."""
    models = weights.bring("piper/en_US-joe-medium")
    home = tmp_path_factory.mktemp("home")
    made = wiring.voice(Settings(home=home, voice="piper", models_dir=models.root))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("language", "speaker"), [("en", "2"), ("es", "1"), ("es", "2"), ("pt", "1")]
)
def test_kokoro_says_what_is_written(
    voice: Voice, tmp_path: Path, language: str, speaker: str
) -> None:
    """With a woman's and a man's voice."""
    assert voice.engine_for(language).startswith("kokoro/v1.0-int8 ")
    assert count_wrong(voice, tmp_path, language, speaker) <= MOST_WRONG


@pytest.mark.parametrize("speaker", ["1", "2"])
def test_piper_says_what_is_written(piper: Voice, tmp_path: Path, speaker: str) -> None:
    """With its one voice, and with the same a tenth lower."""
    assert count_wrong(piper, tmp_path, "en", speaker) <= MOST_WRONG


def test_a_line_repeats_itself_whatever_was_said_before(piper: Voice, tmp_path: Path) -> None:
    """To the byte, though the model throws dice."""

    def speak(text: str) -> bytes:
        piper.speak(Reading(text, "en"), into=tmp_path / "take.wav", bill=Bill())
        return (tmp_path / "take.wav").read_bytes()

    first, other, again = (speak(LINES["en"][place]) for place in (0, 1, 0))
    assert first == again != other
    piper.close()
    assert first == speak(LINES["en"][0])


def count_wrong(voice: Voice, folder: Path, language: str, speaker: str) -> float:
    """The share of words that are heard otherwise."""
    from faster_whisper import WhisperModel

    model = weights.bring("whisper/base").find("whisper", "base")
    ear = WhisperModel(str(model.folder), device="cpu", compute_type="int8", local_files_only=True)
    wrong = total = 0
    for text in LINES[language]:
        reading = Reading(text, language, speaker)
        voice.speak(reading, into=folder / "take.wav", bill=Bill())
        heard, _ = ear.transcribe(
            str(folder / "take.wav"), language=language, beam_size=1, temperature=0.0
        )
        expected, said = plain_words(text), plain_words(" ".join(each.text for each in heard))
        wrong += count_wrong_words(expected, said)
        total += len(expected)
    return wrong / total
