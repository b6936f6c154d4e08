"""Recognises the words of a release again, to find those that a listener would miss.

    words = count_words(Path("track.m4a"), script, {0: "The sea is cold.", ...}, "en", into=folder)
    words.heard, words.lost

pocketsphinx listens to each take twice: alone, and in the released file. Its grammar has the words
of the line in order, each of them optional. So it only decides whether a word is there, and a word
that it misses in the take itself does not count.
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
from resources.listening.released import Released, decode_release, window
from resources.listening.report import Script
from resources.media.sound import SPEECH_RATE
from resources.media.time_stretch import Spoken, say_placed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pocketsphinx import Decoder

    Sound = NDArray[np.float32]

LANGUAGES = ("en",)
# pocketsphinx needs silence before and after a line.
PAUSE_SECONDS = 0.5
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_GRAMMAR = "#JSGF V1.0;\ngrammar line;\npublic <line> = {};"


@dataclass(frozen=True)
class Words:
    """The number of words recognised in takes (`heard`), and of those not in the release
    (`lost`)."""

    heard: int
    lost: int


def count_words(
    path: Path, script: Script, texts: Mapping[int, str], language: str, *, into: Path
) -> Words | None:
    """Count the words of a released file's lines; `texts` are by line id.

    None for a language that pocketsphinx has no model of. Raises MediaToolError.
    """
    if language not in LANGUAGES:
        return None
    from pocketsphinx import Decoder

    # bestpath would weigh alternatives, which takes most of the time and is not needed here.
    decoder = Decoder(lm=None, bestpath=False, loglevel="FATAL")
    released, takes = (
        decode_release(path, into=into),
        {take.line_id: (take, at) for take, at in script.takes},
    )
    alone: Counter[tuple[int, str]] = Counter()
    mixed: Counter[tuple[int, str]] = Counter()
    for place in script.timeline.placements:
        said = say_placed(*takes[place.line_id], place)
        may = _known_words(decoder, texts[place.line_id])
        for counted, sound in (
            (alone, said.sound),
            (mixed, _released_sound(released, said, place)),
        ):
            counted.update((place.line_id, word) for word in _recognise(decoder, sound, may))
    return Words(alone.total(), (alone - mixed).total())


def _released_sound(released: Released, said: Spoken, place: Placement) -> Sound:
    """Return the mid channel of the released sound while a take is to be heard."""
    first = round(place.start * RATE) - said.lead
    return np.asarray(window(released.sound, first, len(said.sound)).mean(axis=0))


def _known_words(decoder: Decoder, text: str) -> Sequence[str]:
    """Return the words of a text that are in the recogniser's dictionary."""
    words = _WORD.findall(text.casefold().replace("’", "'"))
    return [word for word in words if decoder.lookup_word(word)]


def _recognise(decoder: Decoder, sound: Sound, may: Sequence[str]) -> Sequence[str]:
    """Return which of these words are recognised in a sound at 48 kHz, in order."""
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
