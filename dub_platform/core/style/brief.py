"""The brief: what a translator is told besides the lines.

brief = Brief(video_id="VIDEO_ID", title="The harbor", formality="informal")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dub_platform.core.style.glossary import Glossary

Formality = Literal["neutral", "formal", "informal"]


@dataclass(frozen=True)
class Brief:
    """Tells a translator what it needs besides the lines.

    `budgets` has the most characters of a line, by its id; a line without one has no limit.
    `video_id` is who pays: the ledger books what a translation costs on this video.
    """

    video_id: str = ""
    title: str = ""
    formality: Formality = "neutral"
    glossary: Glossary = field(default_factory=Glossary)
    budgets: Mapping[int, int] = field(default_factory=dict)

    @property
    def identity(self) -> list[Any]:
        """What a translation is shaped by besides the lines, in plain JSON types."""
        terms = {word: texts and dict(texts) for word, texts in self.glossary.entries.items()}
        budgets = {str(line_id): budget for line_id, budget in self.budgets.items()}
        return [self.title, self.formality, terms, budgets]
