"""Rewrites lines that are too long once they are spoken, as the last step before time stretching.

    rewriter = Rewriter(takes, translator, share=0.1)
    fitted = rewriter.fit(script, spoken, copies)
    fitted.rewrites         # what is spoken instead of what was translated

Each line is rewritten once, by a request that depends on the line and its take only, and spoken
again. The answer and both takes are stored, so making the dub again pays nothing. A line that
cannot be rewritten or spoken again stays as it was, because the speech of the dub is paid for
already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import structlog

from dub_platform.core.errors import ProviderError
from dub_platform.core.speech import Take, Takes, Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.core.timing.fitting import choose_rewritable, shorter_budgets, tempos_over
from resources.store.copies import Copies
from resources.translator.port import Translator
from resources.voice.takes import TakeKeeper

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SpokenScript:
    """The texts spoken in a video of `seconds` seconds; `brief` is the translation's."""

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
        """Return the tempo of each line whose take needs more than a comfortable one."""
        lengths = {take.line_id: take.speech_seconds for take in takes}
        return tempos_over(self.transcript.lines, lengths, seconds=self.seconds)


@dataclass(frozen=True)
class Rewriter:
    """Rewrites up to `share` of a video's lines, the most hurried first."""

    takes: TakeKeeper
    translator: Translator
    share: float

    def fit(self, script: SpokenScript, spoken: Takes, copies: Copies) -> Takes:
        """Return the takes, with those of rewritten lines in place of the old ones."""
        for line_id, budget in self._budgets(script, spoken).items():
            try:
                spoken = self._rewrite(script, spoken, copies, line_id, budget)
            except ProviderError as error:
                _log.warning("line is not rewritten", line=line_id, why=error.sentence)
        return spoken

    def _budgets(self, script: SpokenScript, spoken: Takes) -> Mapping[int, int]:
        """Return the maximum of characters for each line to rewrite, by its id."""
        lengths = {take.line_id: take.speech_seconds for take in spoken.takes}
        crowded = script.hurried(spoken.takes)
        # An edited line is spoken exactly as its editor wrote it.
        may = [line.id for line in script.translation.lines if line.draft is None]
        chosen = choose_rewritable(crowded, may, share=self.share, count=len(script.lines))
        texts = {line_id: script.lines[line_id].text for line_id in chosen}
        return shorter_budgets(script.transcript.lines, texts, lengths)

    def _rewrite(
        self, script: SpokenScript, spoken: Takes, copies: Copies, line_id: int, budget: int
    ) -> Takes:
        """Return the takes with the better take of this line, and with the cost of both."""
        brief = dataclasses.replace(script.brief, budgets={line_id: budget})
        draft = dataclasses.replace(script.translation, rewrites=0, cost_usd=0.0)
        answer = self.translator.shorten(script.transcript, draft, brief)
        spoken = dataclasses.replace(spoken, rewriting_usd=spoken.rewriting_usd + answer.cost_usd)
        text = next(line.text for line in answer.lines if line.id == line_id)
        if text == script.lines[line_id].text:
            return spoken
        take = self._speak(script, copies, line_id, text)
        return spoken.with_rewrite(text, script.lines[line_id].text, take)

    def _speak(self, script: SpokenScript, copies: Copies, line_id: int, text: str) -> Take:
        """Speak a line with this text; the voice gets the old text as that of its neighbours'
        context.

        Otherwise rewriting one line would change its neighbours, and they would be paid for again.
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
