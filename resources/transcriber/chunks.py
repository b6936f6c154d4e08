"""Speech cut into pieces and packed into chunks, as much as a recogniser takes at once.

    with open_speech(Path("speech.wav")) as source:
        for chunk in pack(cut(source, speech, shortest=20.0, longest=28.0), longest=28.0):
            words = recognise(chunk.sound(source))
            for piece, found in chunk.place(words):
                ...

Only speech is in a chunk: what lies between its pieces is replaced by a short silence, or left out
where they nearly touch. One chunk of sound is in memory at a time, however long the recording.
"""

from __future__ import annotations

import bisect
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.speech import Segment, Span, Word
from dub_platform.core.text.words import set_apart
from resources.media.vad import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The first phone is heard better with the breath before it; more lets music in as words.
PADDING = 0.1
# Long enough to be heard as the end of a phrase.
PAUSE = 0.5
# Speech that goes on sooner is heard as it is: a pause that was longer would end its sentence.
BREATH = 0.24


@dataclass(frozen=True)
class Piece:
    """A stretch that is listened to without a break; `speech` is the span it was cut from."""

    start: float
    end: float
    speech: Span

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def spoken(self) -> Span:
        """Where its words can lie: the stretch without the padding around the speech."""
        return Span(max(self.start, self.speech.start), min(self.end, self.speech.end))

    def sound(self, source: wave.Wave_read) -> NDArray[np.float32]:
        """Read its samples at 16 kHz, between -1 and 1; fewer where the recording ends first."""
        first, last = round(self.start * RATE), round(self.end * RATE)
        source.setpos(min(first, source.getnframes()))
        samples = np.frombuffer(source.readframes(last - first), "<i2")
        sound: NDArray[np.float32] = np.divide(samples, 32768, dtype=np.float32)
        return sound


@dataclass(frozen=True)
class Chunk:
    """Pieces one after another with a pause between them, where there was more than a breath."""

    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        return sum(piece.seconds for piece in self.pieces) + sum(self._pauses)

    @property
    def starts(self) -> list[float]:
        """Where each piece starts, in the chunk's own time."""
        pairs = zip(self.pieces, self._pauses, strict=False)
        return list(accumulate((piece.seconds + pause for piece, pause in pairs), initial=0.0))

    @property
    def _pauses(self) -> list[float]:
        return [_measure_pause(*pair) for pair in pairwise(self.pieces)]

    def sound(self, source: wave.Wave_read) -> NDArray[np.float32]:
        """Read its samples at 16 kHz, between -1 and 1."""
        sound = np.zeros(round(self.seconds * RATE), np.float32)
        for start, piece in zip(self.starts, self.pieces, strict=True):
            samples = piece.sound(source)[: len(sound) - round(start * RATE)]
            sound[round(start * RATE) :][: len(samples)] = samples
        return sound

    def place(self, words: Iterable[Word]) -> Iterator[tuple[Piece, list[Word]]]:
        """Yield each piece with its words, brought from the chunk's time to the recording's."""
        starts = self.starts
        turns = [start - pause / 2 for start, pause in zip(starts[1:], self._pauses, strict=True)]
        groups: list[list[Word]] = [[] for _ in self.pieces]
        for word in words:
            # A word in a pause belongs to the nearer piece.
            number = bisect.bisect_right(turns, (word.start + word.end) / 2)
            groups[number].append(_move(word, self.pieces[number].start - starts[number]))
        for piece, group in zip(self.pieces, groups, strict=True):
            yield piece, set_apart(group, piece.spoken)


def _measure_pause(piece: Piece, following: Piece) -> float:
    """Measure the silence between two pieces of a chunk, beside what is around their speech."""
    apart = following.speech.start - piece.speech.end
    return 0.0 if 0.0 < apart < BREATH else PAUSE


def cut(
    source: wave.Wave_read, speech: Sequence[Span], *, shortest: float, longest: float
) -> Iterator[Piece]:
    """Yield each span with a little around it, cut where it is quietest if it is over `longest`.

    No piece that another one follows is shorter than `shortest`.
    """
    for span in speech:
        start, end = max(0.0, span.start - PADDING), span.end + PADDING
        while end - start > longest:
            last = min(start + longest, end - 1.0)
            middle = _find_quietest(source, Span(start + shortest, last))
            yield Piece(start, middle, span)
            start = middle
        yield Piece(start, end, span)


def pack(pieces: Iterable[Piece], longest: float) -> Iterator[Chunk]:
    """Yield the pieces in order, as many to a chunk as fit into `longest` seconds."""
    chunk: tuple[Piece, ...] = ()
    for piece in pieces:
        if chunk and Chunk((*chunk, piece)).seconds > longest:
            yield Chunk(chunk)
            chunk = ()
        chunk = (*chunk, piece)
    if chunk:
        yield Chunk(chunk)


def segments(found: Iterable[tuple[Piece, list[Word]]]) -> tuple[Segment, ...]:
    """Join words to one segment for each span of speech, in order; pieces come in any order."""
    words: dict[Span, list[Word]] = {}
    for piece, heard in sorted(found, key=lambda each: each[0].start):
        words.setdefault(piece.speech, []).extend(heard)
    return tuple(Segment(tuple(heard)) for heard in words.values() if heard)


def _move(word: Word, seconds: float) -> Word:
    return replace(word, start=word.start + seconds, end=word.end + seconds)


def _find_quietest(source: wave.Wave_read, span: Span) -> float:
    """Find the middle of the quietest fifth of a second in the span."""
    source.setpos(round(span.start * RATE))
    samples = np.frombuffer(source.readframes(round(span.seconds * RATE)), "<i2")
    energy = np.cumsum(np.square(samples, dtype=np.float64))
    width = RATE // 5
    return span.start + float(np.argmin(energy[width:] - energy[:-width]) + width / 2) / RATE
