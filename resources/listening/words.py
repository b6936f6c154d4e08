"""Words as they are recognised again: which of them a listener to the release would miss.

    words = recognised(Path("track.m4a"), script, {0: "The sea is cold.", ...}, "en", into=folder)
    words.heard, words.lost

pocketsphinx hears each take twice, by itself and where it is in the released file, and knows what
it may hear: the words of the line in their order, any of them left out. So it says whether a word
is there rather than which one it is, and what it misses in the take itself does not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.mixing import RATE
from dub_platform.core.timeline import Placement
from resources.listening.released import Released, decoded, window
from resources.listening.report import Script
from resources.media.sound import SPEECH_RATE
from resources.media.time_stretch import Spoken, say_placed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pocketsphinx import Decoder

    Sound = NDArray[np.float32]

LANGUAGES = ("en",)
# It wants to hear that a line begins and ends.
PAUSE_SECONDS = 0.5
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_GRAMMAR = "#JSGF V1.0;\ngrammar line;\npublic <line> = {};"


@dataclass(frozen=True)
class Words:
    """How many words are recognised in takes, and how many of these not in the release."""

    heard: int
    lost: int


def recognised(
    path: Path, script: Script, texts: Mapping[int, str], language: str, *, into: Path
) -> Words | None:
    """The words of a released file's lines, whose `texts` are by line id; None in a language that
    nobody here recognises. Raises MediaToolError."""
    if language not in LANGUAGES:
        return None
    from pocketsphinx import Decoder

    # The path that was found is the answer: to weigh all the others takes most of the time.
    decoder = Decoder(lm=None, bestpath=False, loglevel="FATAL")
    released, takes = (
        decoded(path, into=into),
        {take.line_id: (take, at) for take, at in script.takes},
    )
    alone: Counter[tuple[int, str]] = Counter()
    mixed: Counter[tuple[int, str]] = Counter()
    for place in script.timeline.placements:
        said = say_placed(*takes[place.line_id], place)
        may = _known(decoder, texts[place.line_id])
        for counted, sound in ((alone, said.sound), (mixed, _at(released, said, place))):
            counted.update((place.line_id, word) for word in _heard(decoder, sound, may))
    return Words(alone.total(), (alone - mixed).total())


def _at(released: Released, said: Spoken, place: Placement) -> Sound:
    """The middle of the released sound while a take is to be heard."""
    first = round(place.start * RATE) - said.lead
    return np.asarray(window(released.sound, first, len(said.sound)).mean(axis=0))


def _known(decoder: Decoder, text: str) -> Sequence[str]:
    """The words of a text that the recogniser has in its dictionary."""
    words = _WORD.findall(text.casefold().replace("’", "'"))
    return [word for word in words if decoder.lookup_word(word)]


def _heard(decoder: Decoder, sound: Sound, may: Sequence[str]) -> Sequence[str]:
    """Which of these words are heard in a sound at 48 kHz, in their order."""
    from scipy.signal import resample_poly

    if not may:
        return ()
    decoder.add_jsgf_string("line", _GRAMMAR.format(" ".join(f"[{word}]" for word in may)))
    decoder.activate_search("line")
    pause = np.zeros(round(PAUSE_SECONDS * SPEECH_RATE), np.float32)
    whole = np.concatenate([pause, resample_poly(sound, 1, RATE // SPEECH_RATE), pause])
    decoder.start_utt()
    decoder.process_raw((32_767 * whole.clip(-1, 1)).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr.split() if found else ()
