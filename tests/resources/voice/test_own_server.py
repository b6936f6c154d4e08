"""A voice at a server of one's own that speaks /v1/audio/speech."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from dub_platform import wiring
from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.settings import Settings
from resources.providers.paid_once import Bill
from resources.voice.port import Reading
from tests.support.servers.providers.own_speech import RATE, OwnSpeech

LINE = "Mi padre era pescador y me enseñó a leer el viento."


def settings_for(server: OwnSpeech, **more: str) -> Settings:
    """The whole `.env` for it, with a key of OpenAI's that others use."""
    return Settings(
        voice="openai",
        OPENAI_API_KEY="sk-openai",
        openai_speech_base_url=server.base_url,
        openai_speech_model="kokoro",
        openai_voices="default=ef_dora",
        **more,  # type: ignore[arg-type]
    )


def test_it_speaks_at_its_own_rate_without_a_key_and_for_nothing(tmp_path: Path) -> None:
    """OpenAI's key stays here; the file says which rate it has."""
    with OwnSpeech() as server:
        voice, bill = wiring.voice(settings_for(server)), Bill()
        voice.speak(Reading(LINE, "es"), into=tmp_path / "take.wav", bill=bill)
    assert ("kokoro", "ef_dora", LINE) == tuple(
        server.asked[0][name] for name in ("model", "voice", "input")
    )
    assert RATE == soundfile.info(str(tmp_path / "take.wav")).samplerate
    assert "authorization" not in server.headers[0]
    assert "sk-openai" not in str(server.headers)
    assert 0.0 == bill.cost_usd == voice.cost_usd(LINE)


def test_it_speaks_to_the_slot_where_that_costs_nothing(tmp_path: Path) -> None:
    """A pace is asked for as its speed, and is part of the key; one that is paid for keeps none."""
    hurried, at_rest = Reading(LINE, "es", pace=1.15), Reading(LINE, "es")
    with OwnSpeech() as server:
        voice = wiring.voice(settings_for(server))
        voice.speak(hurried, into=tmp_path / "take.wav", bill=Bill())
        paid = wiring.voice(settings_for(server, openai_speech_api_key="own"))
        paid.speak(hurried, into=tmp_path / "take.wav", bill=Bill())
    assert [1.15, 1.0] == [asked["speed"] for asked in server.asked]
    assert (True, False) == (voice.keeps_pace, paid.keeps_pace)
    assert voice.shape(hurried) != voice.shape(at_rest)
    assert paid.shape(hurried) == paid.shape(at_rest)
    assert "Bearer own" == server.headers[1]["authorization"]


def test_it_speaks_what_the_operator_says_that_it_does(tmp_path: Path) -> None:
    """Nobody can ask a server which languages its model knows."""
    with OwnSpeech() as server:
        voice = wiring.voice(settings_for(server, openai_speech_languages="pt, es"))
        assert ("es", "pt") == voice.languages()
        with pytest.raises(LanguageNotAvailableError, match="It speaks es, pt"):
            voice.speak(Reading("Bonjour.", "fr"), into=tmp_path / "take.wav", bill=Bill())
    assert [] == server.asked
