"""The speaker: all of a dub's lines spoken, and those that do not fit spoken once more.

    spoken = Speaker(takes, rewriter, paces).speak(script, copies, say)
    spoken.value            # one take per line, to be mixed

First every line is spoken as it is written. What does not fit is said shorter, once; how fast the
voice is by itself is noted then, for the next dub; what still does not fit is said faster, by a
voice that can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dub_platform.core.speech import Takes
from resources.fitting.pacing import Pacer
from resources.fitting.rewriter import Rewriter, SpokenScript
from resources.fitting.speaking_rates import Paces
from resources.store.copies import Copies
from resources.voice.takes import TakeKeeper


@dataclass(frozen=True)
class Spoken:
    """The takes to mix, those before any was hurried, and how many lines did not fit at first."""

    value: Takes
    at_rest: Takes
    hurried_first: int


@dataclass(frozen=True)
class Speaker:
    """Speaks dubs with one voice; what was spoken before is found and not paid for again."""

    takes: TakeKeeper
    rewriter: Rewriter
    paces: Paces

    def speak(self, script: SpokenScript, copies: Copies, say: Callable[[str], object]) -> Spoken:
        """The takes of all lines; `say` is told of each that is done. Raises as takes do."""
        translation, video_id = script.translation, script.brief.video_id
        first = self.takes.takes_of(
            video_id, translation.lines, translation.language, script.speakers, copies, say=say
        )
        engine = self.takes.voice.engine_for(translation.language)
        as_written = Takes(translation.language, engine, first, basis=translation.basis)
        at_rest = self.rewriter.fit(script, as_written, copies)
        self.paces.learn(video_id, script.transcript, at_rest.apply_rewrites(translation), at_rest)
        paced = Pacer(self.takes).paced(script, at_rest, copies)
        return Spoken(paced, at_rest, len(script.hurried(first)))
