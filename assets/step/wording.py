"""How a dub is to be worded: what its translator is told, and what it made of that.

wording = wording_of(registry, target)
Worded(wording, translator.heeds_wording, transcript, translation).missed
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from assets.partitions import Target
from dub_platform.core.glossary import Glossary, Term
from dub_platform.core.speech import Transcript, Translation
from dub_platform.core.wording import AS_BEFORE, Wording
from dub_platform.registry import Lookup


def wording_of(registry: Lookup, target: Target) -> Wording:
    """The channel's and the request's; where both say something, the request decides."""
    channel_id = registry.video(target.video_id).channel_id
    channel = registry.channel(channel_id).wording if channel_id else AS_BEFORE
    return channel | registry.dub(target.video_id, str(target.language)).wording


@dataclass(frozen=True)
class Worded:
    """A translation beside the wording it was to have; `heeded` is whether its engine can."""

    wording: Wording
    heeded: bool
    transcript: Transcript
    translation: Translation

    @cached_property
    def missed(self) -> Mapping[int, tuple[Term, ...]]:
        """The terms that a line has and its translation has not, by the line's id."""
        texts = {line.id: line.text for line in self.translation.lines}
        found = {
            line.id: self._glossary.missed(
                line.text, texts.get(line.id, ""), self.translation.language
            )
            for line in self.transcript.lines
        }
        return {line_id: terms for line_id, terms in found.items() if terms}

    @property
    def numbers(self) -> Mapping[str, str | int]:
        """The formality, and of the glossary how many terms occur and how many are missed."""
        if not self.heeded:
            return {"wording": self._unheeded} if self.wording.is_binding else {}
        shown: dict[str, str | int] = {"formality": self.wording.formality or "neutral"}
        if occurring := self._occurring:
            shown |= {"terms": len(occurring), "terms_missed": sum(map(len, self.missed.values()))}
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
    def _unheeded(self) -> str:
        return (
            f"not applied: {self.translation.engine} heeds neither a glossary nor a formality. "
            "Choose another DUB_TRANSLATOR and materialize translation again."
        )
