"""What each recogniser can do, as facts: who answers requests knows them and runs no engine.

    tells_languages("whisper", "base.en")       # False

Each engine takes its own from here. `tests/contracts/test_capabilities.py` holds them to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# What a minute of speech costs with those that are paid for, as it was on PRICES_TAKEN_ON.
USD_PER_MINUTE: Mapping[str, float] = {"openai": 0.006, "elevenlabs": 0.0067}


def tells_languages(name: str, model: str = "") -> bool:
    """Tell whether the engine of this name, with this model, knows which language is spoken."""
    return name != "pocketsphinx" and (name in USD_PER_MINUTE or not is_english_only(model))


def is_english_only(model: str) -> bool:
    """Tell whether a model of Whisper's knows English only, which is in the end of its name."""
    return Path(model).name.removesuffix(".pt").endswith(".en")
