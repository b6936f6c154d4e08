"""What each recogniser can do, as facts: who answers requests knows them and runs no engine.

    whisper_facts("base.en").detects_languages       # False

Each engine takes its own from here. `tests/contracts/test_capabilities.py` holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# What a minute of speech costs with those that are paid for, as it was on PRICES_TAKEN_ON.
OPENAI_USD = 0.006
ELEVENLABS_USD = 0.0067


@dataclass(frozen=True)
class TranscriberFacts:
    """Whether it can tell which language is spoken, and what a minute of speech costs."""

    detects_languages: bool
    usd_per_minute: float = 0.0


def whisper_facts(model: str) -> TranscriberFacts:
    """Return what Whisper can do with this model."""
    return TranscriberFacts(detects_languages=not is_english_only(model))


def is_english_only(model: str) -> bool:
    """Tell whether a model of Whisper's knows English only, which is in the end of its name."""
    return Path(model).name.removesuffix(".pt").endswith(".en")
