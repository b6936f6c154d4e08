"""From settings to engines: what one of them is told, the others are told too."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.settings import Settings
from resources import wiring

KEYS = {
    "OPENAI_API_KEY": "sk-1",
    "ELEVENLABS_API_KEY": "el-1",
    "elevenlabs_voices": "default=aVoiceForTests000001",
}


@pytest.mark.parametrize(
    ("chosen", "usd"),
    [
        ({"voice": "espeak"}, 0.0),
        ({"voice": "elevenlabs"}, 0.10),
        ({"voice": "elevenlabs", "elevenlabs_model": "eleven_flash_v2_5"}, 0.05),
        ({"voice": "openai"}, 0.02),
        ({"voice": "openai", "price_speech_per_thousand_characters_usd": 0.5}, 0.5),
        ({"voice": "openai", "price_speech_per_thousand_characters_usd": 0.0}, 0.0),
    ],
    ids=["free", "ElevenLabs", "ElevenLabs' fast model", "OpenAI", "set", "set to nothing"],
)
def test_an_estimate_takes_the_price_that_the_voice_is_booked_at(
    tmp_path: Path, chosen: dict[str, str | float], usd: float
) -> None:
    """The engine's own where none is set."""
    settings = Settings(home=tmp_path, **KEYS, **chosen)  # type: ignore[arg-type]
    assert pytest.approx(usd) == wiring.prices(settings).speech_per_thousand_characters
    assert pytest.approx(usd / 1000) == wiring.voice(settings).cost_usd("a")
