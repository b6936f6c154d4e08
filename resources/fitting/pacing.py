"""Speech to its slot: a voice that keeps a pace speaks what is hurried faster, itself.

    pacer = Pacer(takes)
    spoken = pacer.paced(script, spoken, copies)

What the timeline would stretch is spoken anew at that tempo: sounds that a voice shortens itself
are more like speech than any that are cut short afterwards. It costs no money, so it follows
whatever was said shorter, and the timeline stretches what is left.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from dub_platform.core.errors import DubError
from dub_platform.core.speech import Take, Takes
from dub_platform.core.timing.fitting import tempos_over
from resources.fitting.rewriter import SpokenScript
from resources.store.copies import Copies
from resources.voice.takes import TakeKeeper

# A pace is a multiple of this, so that a slot that moves a little has nothing spoken anew.
STEP = 0.05
# What is left over is stretched; faster, a voice swallows its sounds.
FASTEST = 1.2
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pacer:
    """Speaks lines at the pace that their slots want."""

    takes: TakeKeeper

    def paced(self, script: SpokenScript, spoken: Takes, copies: Copies) -> Takes:
        """The takes, with those of hurried lines at their pace. None is longer than before."""
        if not self.takes.voice.keeps_pace:
            return spoken
        quicker = {take.line_id: take for take in self._speak(script, spoken, copies)}
        return dataclasses.replace(
            spoken,
            takes=tuple(
                min(take, quicker.get(take.line_id, take), key=lambda each: each.speech_seconds)
                for take in spoken.takes
            ),
        )

    def _speak(self, script: SpokenScript, spoken: Takes, copies: Copies) -> tuple[Take, ...]:
        paces, said = _choose_paces(script, spoken.takes), spoken.apply_rewrites(script.translation)
        try:
            return self.takes.takes_of(
                script.brief.video_id,
                said.lines,
                said.language,
                script.speakers,
                copies,
                only=paces.keys(),
                paces=paces,
            )
        except DubError as error:
            # There is a take of each line, which is stretched as other voices' are.
            _log.warning("lines are not spoken at their pace", why=error.sentence)
            return ()


def _choose_paces(script: SpokenScript, takes: tuple[Take, ...]) -> Mapping[int, float]:
    lengths = {take.line_id: take.speech_seconds for take in takes}
    tempos = tempos_over(script.transcript.lines, lengths, seconds=script.seconds, above=1.0)
    return {
        line_id: min(FASTEST, round(STEP * math.ceil(tempo / STEP), 2))
        for line_id, tempo in tempos.items()
    }
