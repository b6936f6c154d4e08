"""The last step before a line is hurried: what does not fit once it is spoken is said shorter.

    rewriter = Rewriter(takes, translator, share=0.1)
    fitted = rewriter.fitted(script, spoken, copies)
    fitted.rewrites         # what is spoken instead of what was translated

Each line is rewritten once, in a question of its own that depends on nothing but the line and its
take, and spoken once more. The answer is kept by the translator, both takes by the keeper, so who
makes the dub again finds them all and pays nothing. A line that cannot be rewritten or spoken
again stays as it was: that is no reason to fail a dub whose speech is paid for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import structlog

from dub_platform.core.brief import Brief
from dub_platform.core.errors import ProviderError
from dub_platform.core.fitting import rewritable, shorter_budgets, tempos_over
from dub_platform.core.speech import Take, Takes, Transcript, TranslatedLine, Translation
from resources.store.copies import Copies
from resources.translator.port import Translator
from resources.voice.takes import TakeKeeper

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SpokenScript:
    """What was to be spoken in a video of so many seconds; the brief is the translation's."""

    transcript: Transcript
    translation: Translation
    brief: Brief
    seconds: float

    @cached_property
    def speakers(self) -> Mapping[int, str]:
        return {line.id: line.speaker for line in self.transcript.lines}

    @cached_property
    def lines(self) -> Mapping[int, TranslatedLine]:
        return {line.id: line for line in self.translation.lines}

    def hurried(self, takes: Sequence[Take]) -> Mapping[int, float]:
        """The lines that these takes would need more than a comfortable tempo for, each with it."""
        lengths = {take.line_id: take.speech_seconds for take in takes}
        return tempos_over(self.transcript.lines, lengths, seconds=self.seconds)


@dataclass(frozen=True)
class Rewriter:
    """Rewrites up to a share of a video's lines, the most hurried first."""

    takes: TakeKeeper
    translator: Translator
    share: float

    def fitted(self, script: SpokenScript, spoken: Takes, copies: Copies) -> Takes:
        """The takes with those of lines that were said shorter in their places."""
        for line_id, budget in self._budgets(script, spoken).items():
            try:
                spoken = self._rewritten(script, spoken, copies, line_id, budget)
            except ProviderError as error:
                _log.warning("line is not rewritten", line=line_id, why=error.sentence)
        return spoken

    def _budgets(self, script: SpokenScript, spoken: Takes) -> Mapping[int, int]:
        """The characters that each line to rewrite may have, by its id."""
        lengths = {take.line_id: take.speech_seconds for take in spoken.takes}
        crowded = script.hurried(spoken.takes)
        # What somebody has edited is said as they wrote it.
        may = [line.id for line in script.translation.lines if line.draft is None]
        chosen = rewritable(crowded, may, share=self.share, count=len(script.lines))
        texts = {line_id: script.lines[line_id].text for line_id in chosen}
        return shorter_budgets(script.transcript.lines, texts, lengths)

    def _rewritten(
        self, script: SpokenScript, spoken: Takes, copies: Copies, line_id: int, budget: int
    ) -> Takes:
        """With the better take of this line, and with what both cost."""
        brief = dataclasses.replace(script.brief, budgets={line_id: budget})
        draft = dataclasses.replace(script.translation, rewrites=0, cost_usd=0.0)
        answer = self.translator.shortened(script.transcript, draft, brief)
        spoken = dataclasses.replace(spoken, rewriting_usd=spoken.rewriting_usd + answer.cost_usd)
        text = next(line.text for line in answer.lines if line.id == line_id)
        if text == script.lines[line_id].text:
            return spoken
        take = self._spoken(script, copies, line_id, text)
        return spoken.with_rewrite(text, script.lines[line_id].text, take)

    def _spoken(self, script: SpokenScript, copies: Copies, line_id: int, text: str) -> Take:
        """The take of a line in these words; those beside it hear of the words before.

        Whoever rewrites one line would pay for its neighbours else.
        """
        lines = [
            dataclasses.replace(line, text=text, draft=line.text) if line.id == line_id else line
            for line in script.translation.lines
        ]
        video_id, language = script.brief.video_id, script.translation.language
        (take,) = self.takes.takes_of(
            video_id, lines, language, script.speakers, copies, only={line_id}
        )
        return take
