"""What is said of an engine without it is what the engine says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.core.languages import AUTO
from dub_platform.settings import Settings
from resources.store.local import LocalStore
from resources.transcriber.elevenlabs import ElevenLabsTranscriber
from resources.transcriber.openai import OpenAITranscriber
from resources.transcriber.pocketsphinx import PocketsphinxTranscriber
from resources.transcriber.whisper import WhisperTranscriber
from resources.translator.bergamot import BergamotTranslator, PairModel
from resources.translator.capabilities import TranslatorFacts, routes

PAID = {
    "openai_api_key": "sk-" + "a" * 40,
    "elevenlabs_api_key": "sk_" + "a" * 40,
    "elevenlabs_voices": "default=a-voice",
}


def settings(folder: Path, **chosen: str | float) -> Settings:
    return Settings(home=folder, **PAID, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("translator", ["apertium", "openai"])
def test_a_translator_writes_what_is_said_of_it(tmp_path: Path, translator: str) -> None:
    """From every language that one of them knows, and from one that is not known yet."""
    chosen = settings(tmp_path, translator=translator, voice="espeak")
    engine = wiring.translator(chosen, LocalStore(tmp_path, "http://dub.test/media"))
    speaks = wiring.voice(chosen).languages()
    for source in (AUTO, "en", "es", "gl", "ja", "tlh"):
        expected = [code for code in engine.targets(source) if code in speaks]
        assert expected == list(wiring.targets(chosen)(source))
    assert engine.heeds_wording == wiring.heeds_wording(chosen)


def test_models_of_bergamot_lead_where_it_is_said() -> None:
    """By way of English too, and from a language that is not known yet."""
    pairs = [("en", "pt"), ("es", "en"), ("fr", "en"), ("de", "fr")]
    model = PairModel("", *[Path()] * 4)
    engine = BergamotTranslator(dict.fromkeys(pairs, model))
    said = TranslatorFacts(heeds_wording=False, pairs=tuple(routes(pairs)))
    for source in (AUTO, "en", "es", "fr", "de", "pt"):
        assert engine.targets(source) == said.targets(source)
    assert ("en", "pt") == said.targets("es")


@pytest.mark.parametrize(
    "chosen",
    [
        {"voice": "espeak"},
        {"voice": "openai"},
        {"voice": "openai", "price_speech_per_thousand_characters_usd": 0.5},
        *(
            {"voice": "elevenlabs", "elevenlabs_model": model}
            for model in ("eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_v3", "eleven_v9")
        ),
    ],
    ids=lambda chosen: " ".join(map(str, chosen.values())),
)
def test_a_voice_speaks_and_costs_what_is_said_of_it(
    tmp_path: Path, chosen: dict[str, str | float]
) -> None:
    """In all that the translator writes."""
    read = settings(tmp_path, translator="openai", **chosen)
    engine = wiring.voice(read)
    translated = wiring.translator(read, LocalStore(tmp_path, "http://dub.test/media"))
    expected = [code for code in translated.targets(AUTO) if code in engine.languages()]
    assert expected == list(wiring.targets(read)(AUTO))
    price = wiring.prices(read).speech_per_thousand_characters
    assert pytest.approx(engine.cost_usd("a" * 1000)) == price


def test_a_recogniser_tells_languages_where_it_is_said_of_it(tmp_path: Path) -> None:
    """Whisper by its model, OpenAI's by any, PocketSphinx never."""
    said = {
        name: wiring.detects_languages(settings(tmp_path, transcriber=name, whisper_model=model))
        for name, model in (
            ("pocketsphinx", "base"),
            ("openai", "base.en"),
            ("elevenlabs", "base.en"),
            ("whisper", "base"),
        )
    }
    assert said == {
        "pocketsphinx": PocketsphinxTranscriber.detects_languages,
        "openai": OpenAITranscriber.detects_languages,
        "elevenlabs": ElevenLabsTranscriber.detects_languages,
        "whisper": WhisperTranscriber("base").detects_languages,
    }
    english = settings(tmp_path, transcriber="whisper", whisper_model="base.en")
    assert WhisperTranscriber("base.en").detects_languages is wiring.detects_languages(english)
