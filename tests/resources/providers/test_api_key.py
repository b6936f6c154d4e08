"""Keys: which can be one, and that nobody but the provider sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.style.casting import Casting
from resources.providers.api_key import ProviderKey
from resources.transcriber.openai import OpenAITranscriber
from resources.translator.chat import OpenAIChat
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.openai import OpenAIVoice

CASTING = Casting.parse("default=a")
NONE: Any = None


@pytest.mark.parametrize("text", ["", "  \n", "sk-ä1234", "sk 1234", "sk-1234\nsk-5678"])
def test_what_can_be_no_key_is_refused_by_its_setting(text: str) -> None:
    """Which is named, while what was found there is not said."""
    with pytest.raises(EngineUnavailableError, match=r"^ACME_API_KEY is empty, or") as refused:
        ProviderKey(text, "ACME_API_KEY")
    assert "1234" not in str(refused.value)


@pytest.mark.parametrize(
    ("engine", "setting"),
    [
        (lambda key: OpenAIChat(key, "gpt-5.4-mini"), "OPENAI_API_KEY"),
        (
            lambda key: OpenAITranscriber(key, "whisper-1", store=NONE, ledger=NONE),
            "OPENAI_API_KEY",
        ),
        (lambda key: OpenAIVoice(key, CASTING), "OPENAI_API_KEY"),
        (lambda key: ElevenLabsVoice(key, CASTING), "ELEVENLABS_API_KEY"),
    ],
)
def test_an_engine_does_not_start_without_a_key(
    engine: Callable[[str], object], setting: str
) -> None:
    """And says which setting it lacks."""
    with pytest.raises(EngineUnavailableError, match=setting):
        engine(" ")


def test_the_line_end_of_a_file_is_no_part_of_the_key() -> None:
    """Keys are read from files that end with one."""
    assert "sk-1234" == ProviderKey("sk-1234\r\n", "ACME_API_KEY").value


@pytest.mark.parametrize("quoted", ["a-key-5678", "sk-proj-****5678", "sk-another-one"])
def test_a_key_is_not_repeated(quoted: str) -> None:
    """Neither whole nor masked, as OpenAI quotes it."""
    key = ProviderKey("a-key-5678", "ACME_API_KEY")
    assert "Incorrect API key: [key] (401)" == key.hidden_in(f"Incorrect API key: {quoted} (401)")
