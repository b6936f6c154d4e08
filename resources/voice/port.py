"""The voice: a line spoken.

    bill = Bill()
    voice.speak(Reading("Buenos días.", "es", speaker="1"), into=Path("take.wav"), bill=bill)
    bill.cost_usd

The promises are tests in `dub_platform/contracts/voices.py`; an engine of ours is held to them by
adding it to `tests/contracts/test_voice.py`. Those that are paid for are in `elevenlabs.py` and
`openai.py`, and `paid.py` is what they have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from resources.providers.paid_once import Bill


@dataclass(frozen=True)
class Reading:
    """What is to be spoken. `name` is what errors call it, such as "line 3 in es".

    `previous` and `following` are what the same speaker says right before and after, for a voice
    that can carry its tone across; empty where somebody else speaks, or nobody. `pace` is how many
    times as fast as usual it is spoken, by a voice that keeps one.
    """

    text: str
    language: str
    speaker: str = "1"
    previous: str = ""
    following: str = ""
    name: str = "a line"
    pace: float = 1.0


class Voice(Protocol):
    """Speaks lines. `engine` names it and its version or model, for receipts.

    It can be asked from several threads; more than `parallel` at once gains nothing. One that
    `keeps_pace` speaks as fast as a reading says, at no cost. What has a default here is had by
    inheriting from this class.
    """

    engine: str
    parallel: int = 1
    keeps_pace: bool = False

    def languages(self) -> tuple[str, ...]:
        """Return the language codes it speaks, in alphabetical order."""
        ...

    def engine_for(self, language: str) -> str:
        """Tell which engine speaks a language, with its version or weights, for its takes'
        receipts."""
        del language  # one for all
        return self.engine

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        """Return everything besides the text that shapes the sound: it goes into the take's key.

        `engine` is in it: who speaks this reading, with its version or weights.
        Raises LanguageNotAvailableError.
        """
        ...

    def cost_usd(self, text: str) -> float:
        """Tell what speaking this text costs, as far as can be known before; 0.0 is free."""
        ...

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        """Write the text spoken to `into` as mono 16-bit WAV. Text is data, never markup.

        The bill says what was charged also where this fails. Raises LanguageNotAvailableError,
        EngineFailedError, BadTakeError, ProviderError.
        """
        ...

    def close(self) -> None:
        """Let go of what it keeps warm. It can be used again after."""
        ...
