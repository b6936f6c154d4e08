"""The wording: what somebody says of how a dub is to be put into words.

    channel = Wording(Glossary.parse({"harbor": {"es": "puerto"}}), "formal")
    wording = channel | Wording(formality="informal")     # a request decides over its channel
    wording.in_language("es").brief(video_id, title, budgets)

A channel has one for all its videos, a request one for the dubs it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dub_platform.core.keys import key_of
from dub_platform.core.style.brief import Brief, Formality
from dub_platform.core.style.glossary import Glossary


@dataclass(frozen=True)
class Wording:
    """A glossary and a formality; None where nothing is said of it."""

    glossary: Glossary | None = None
    formality: Formality | None = None

    @property
    def is_binding(self) -> bool:
        """Whether there is anything in it that a translator has to heed."""
        return bool(self.glossary) or self.formality in ("formal", "informal")

    @property
    def key(self) -> str:
        """A short name for what a translator has to heed; that of another wording is another."""
        if not self.is_binding:
            return ""
        terms = self.glossary.entries if self.glossary else {}
        said = {word: texts and dict(texts) for word, texts in terms.items()}
        return key_of([said, self.formality or "neutral"])[:16]

    def __or__(self, other: Wording) -> Wording:
        """Both together; where both say something, the other decides."""
        glossary = (self.glossary or Glossary()) | (other.glossary or Glossary())
        return Wording(glossary, other.formality or self.formality)

    def over(self, before: Wording) -> Wording:
        """Return this wording in place of the one before; what this says nothing of stays."""
        return Wording(
            before.glossary if self.glossary is None else self.glossary,
            self.formality or before.formality,
        )

    def in_language(self, language: str) -> Wording:
        """Return the part of the wording that concerns dubs in this language."""
        return Wording(self.glossary and self.glossary.in_language(language), self.formality)

    def brief(self, video_id: str, title: str, budgets: Mapping[int, int]) -> Brief:
        """Return what a translator is told besides the lines, with the most characters that each
        has."""
        return Brief(
            video_id=video_id,
            title=title,
            formality=self.formality or "neutral",
            glossary=self.glossary or Glossary(),
            budgets=budgets,
        )


AS_BEFORE = Wording()
