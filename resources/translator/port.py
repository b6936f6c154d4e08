"""The translator: a line in another language.

    translation = translator.translate(transcript, "es", Brief(title="The harbor"))

Its promises are tests in `dub_platform/contracts/translators.py`; an engine of ours is held to them
by adding it to `tests/contracts/test_translator.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from dub_platform.core.speech import Transcript, Translation
from dub_platform.core.style.brief import Brief

NO_BRIEF = Brief()


class Translator(Protocol):
    """Translates lines. `engine` names it and its version, for receipts."""

    engine: str

    @property
    def heeds_wording(self) -> bool:
        """Whether it heeds the glossary and the formality of a brief."""
        ...

    def targets(self, source: str) -> tuple[str, ...]:
        """Return the language codes it can translate `source` into, in alphabetical order.

        For `auto`, a language that is not known yet, those that it can translate any into.
        """
        ...

    def engine_for(self, source: str, language: str) -> str:
        """Tell which engine translates a pair, with its version or weights, for receipts."""
        ...

    def translate(
        self,
        transcript: Transcript,
        language: str,
        brief: Brief = NO_BRIEF,
        *,
        only: Collection[int] | None = None,
    ) -> Translation:
        """Return every line in `language`: same ids, same order, no line empty. With `only`, the
        lines of these ids alone; the others are there to understand them.

        Raises LanguageNotAvailableError, EngineFailedError, ProviderError, CostCapError.
        """
        ...

    def shorten(
        self, transcript: Transcript, translation: Translation, brief: Brief
    ) -> Translation:
        """Return the translation with the lines that are over the brief's budgets said shorter.

        A line that cannot be said shorter stays as it is. `rewrites` and `cost_usd` are added to.
        Raises ProviderError, CostCapError.
        """
        ...

    def close(self) -> None:
        """Let go of what it keeps warm. It can be used again after."""
        ...
