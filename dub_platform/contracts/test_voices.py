"""The voices of other packages, or the one that DUB_VOICE names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dub_platform import wiring
from dub_platform.contracts.voices import VoiceContract
from dub_platform.engines import VoiceEngine, choose
from dub_platform.settings import Settings
from resources.voice.port import Voice


@pytest.fixture(scope="module")
def voice(voice_settings: Settings) -> Iterator[Voice]:
    made = wiring.voice(voice_settings)
    yield made
    made.close()


class TestVoice(VoiceContract):
    """What every voice promises, and what this one declares."""

    def test_it_is_what_is_declared(self, voice: Voice, voice_settings: Settings) -> None:
        """Its languages, and what a line costs."""
        choice = choose(voice_settings, VoiceEngine)
        facts = choice.ask(choice.declared.facts)
        assert facts.languages == voice.languages()
        price = voice_settings.price_speech_per_thousand_characters_usd
        assert pytest.approx(facts.cost_usd("a line", price)) == voice.cost_usd("a line")
