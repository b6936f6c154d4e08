"""What a translator made of the wording that it was told.

Worded(wording, translator.heeds_wording, transcript, translation).missed_terms
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from dub_platform.core.speech import Transcript, Translation
from dub_platform.core.style.glossary import Glossary, Term
from dub_platform.core.style.wording import Wording


@dataclass(frozen=True)
class Worded:
    """A translation beside the wording it was to have; `heeded` is whether its engine can."""

    wording: Wording
    heeded: bool
    transcript: Transcript
    translation: Translation

    @cached_property
    def missed_terms(self) -> Mapping[int, tuple[Term, ...]]:
        """The terms that a line has and its translation has not, by the line's id."""
        texts = {line.id: line.text for line in self.translation.lines}
        found = {
            line.id: self._glossary.find_missed(
                line.text, texts.get(line.id, ""), self.translation.language
            )
            for line in self.transcript.lines
        }
        return {line_id: terms for line_id, terms in found.items() if terms}

    @property
    def numbers(self) -> Mapping[str, str | int]:
        """The formality, and of the glossary how many terms occur and how many are missed."""
        if not self.heeded:
            return {"wording": self._unheeded_notice} if self.wording.is_binding else {}
        shown: dict[str, str | int] = {"formality": self.wording.formality or "neutral"}
        if occurring := self._occurring:
            shown |= {
                "terms": len(occurring),
                "terms_missed": sum(map(len, self.missed_terms.values())),
            }
        return shown

    @property
    def _glossary(self) -> Glossary:
        return (self.heeded and self.wording.glossary) or Glossary()

    @property
    def _occurring(self) -> set[Term]:
        return {
            term
            for line in self.transcript.lines
            for term in self._glossary.terms_in(line.text, self.translation.language)
        }

    @property
    def _unheeded_notice(self) -> str:
        return (
            f"not applied: {self.translation.engine} heeds neither a glossary nor a formality. "
            "Choose another DUB_TRANSLATOR and materialize translation again."
        )
