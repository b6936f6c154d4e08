"""pocketsphinx in a process of its own: spans of a recording in, words out, as JSON lines.

    $ python -I sphinx_process.py speech.wav
    {"start": 0.5, "end": 3.9}
    {"words": [["my", 0.53, 0.74, 0.9998], ...]}

The decoder holds the interpreter's lock while it works, so processes, and not threads, use
several cores. `PocketsphinxTranscriber` starts it; it ends when its input closes.
"""

from __future__ import annotations

import json
import re
import sys
import wave
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketsphinx import Decoder

FRAMES_PER_SECOND = 100

Word = tuple[str, float, float, float]

_FILLER = re.compile(r"[<\[+].*")
_VARIANT = re.compile(r"\(\d+\)$")
_FIRST_PERSON = re.compile(r"^i(?='|$)")


def words(decoder: Decoder, pcm: bytes) -> Iterator[Word]:
    """(text, start, end, confidence) of each word in a whole utterance, in seconds."""
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    for found in decoder.seg() if decoder.hyp() else ():
        if _FILLER.match(found.word):
            continue
        yield (
            spell(found.word),
            found.start_frame / FRAMES_PER_SECOND,
            (found.end_frame + 1) / FRAMES_PER_SECOND,
            min(1.0, found.prob),
        )


def spell(word: str) -> str:
    """Return the dictionary's word as it is written: `read(2)` is read, `i'm` is I'm."""
    return _FIRST_PERSON.sub("I", _VARIANT.sub("", word))


def read(source: wave.Wave_read, start: float, end: float) -> bytes:
    """Return the samples between two times, in seconds."""
    rate = source.getframerate()
    source.setpos(min(round(start * rate), source.getnframes()))
    return source.readframes(round((end - start) * rate))


def main(arguments: Sequence[str]) -> None:
    """Answer request lines until there are no more."""
    from pocketsphinx import Decoder

    (path,) = arguments
    decoder = Decoder(samprate=16_000, loglevel="FATAL")
    with wave.open(path, "rb") as source:
        for line in sys.stdin:
            span = json.loads(line)
            heard = [
                (text, start + span["start"], end + span["start"], confidence)
                for text, start, end, confidence in words(decoder, read(source, **span))
            ]
            print(json.dumps({"words": heard}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
