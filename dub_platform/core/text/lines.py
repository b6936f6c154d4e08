"""Lines: recognised words regrouped into what is translated and spoken as one.

    lines = regroup(heard.segments, audio.speech)

A line is a sentence or a breath group of 1 to 12 s by one speaker. What is spoken is never
dropped and never reordered. Words without punctuation are parted where the detector of voices
heard a pause; a pause that is left within a line is noted there, for the dub to keep.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dub_platform.core.speech import Line, Segment, Span, Word

LONGEST_SECONDS = 12.0
SHORTEST_SECONDS = 1.0
# A pause this long is heard as the end of a phrase, whatever the punctuation.
PAUSE_SECONDS = 0.45
# A short line joins its neighbour only over less than this, so that no dub talks into a silence.
JOIN_SECONDS = 1.0
# Captions are seldom right to less: silence so near to a line's edge is not within it.
EDGE_SECONDS = 0.25
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")
# Thai, Lao, Burmese, Chinese and Japanese are written without spaces between words.
_UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u3000-\u30ff\u3400-\u9fff\uff00-\uff65]"
_NO_SPACE = re.compile(f"(?<={_UNSPACED}) (?={_UNSPACED})")


def regroup(segments: Sequence[Segment], speech: Sequence[Span] = ()) -> tuple[Line, ...]:
    """Regroup recognised words into lines, ordered by start and numbered from 0; `speech` is where
    a voice was found."""
    pauses = [Span(one.end, other.start) for one, other in itertools.pairwise(speech)]
    punctuated = any(
        word.text.endswith(_SENTENCE_ENDS) for segment in segments for word in segment.words
    )
    partings = [] if punctuated else [_find_middle(pause) for pause in pauses]
    groups: list[tuple[str, list[Word]]] = []
    for speaker, run in itertools.groupby(segments, key=lambda segment: segment.speaker):
        # A lone note or dash in captions is no word, and no voice can speak it.
        words = [
            word for segment in run for word in segment.words if any(map(str.isalnum, word.text))
        ]
        pieces = [
            piece for phrase in _phrases(words, partings) for piece in _shorten_phrase(phrase)
        ]
        groups += [(speaker, group) for group in _join_short(pieces)]
    return tuple(
        _line(number, speaker, words if punctuated else _as_sentence(words, partings), pauses)
        for number, (speaker, words) in enumerate(groups)
    )


def _phrases(words: Iterable[Word], partings: Sequence[float]) -> list[list[Word]]:
    phrases: list[list[Word]] = []
    for word in words:
        if phrases and not _ends_phrase(phrases[-1][-1], word, partings):
            phrases[-1].append(word)
        else:
            phrases.append([word])
    return phrases


def _ends_phrase(word: Word, following: Word, partings: Sequence[float]) -> bool:
    return (
        word.text.endswith(_SENTENCE_ENDS)
        or following.start - word.end >= PAUSE_SECONDS
        or _are_parted(word, following, partings)
    )


def _are_parted(word: Word, following: Word, partings: Sequence[float]) -> bool:
    """Tell whether one of these moments lies between two words."""
    return bisect(partings, _find_middle(word)) < bisect(partings, _find_middle(following))


def _find_middle(stretch: Span | Word) -> float:
    return (stretch.start + stretch.end) / 2


def _shorten_phrase(words: list[Word]) -> list[list[Word]]:
    """Split a phrase into pieces of at most LONGEST_SECONDS, each time where the pause is
    longest."""
    if len(words) < 2 or words[-1].end - words[0].start <= LONGEST_SECONDS:
        return [words]
    parting = max(range(1, len(words)), key=lambda index: _parting_merit(words, index))
    return _shorten_phrase(words[:parting]) + _shorten_phrase(words[parting:])


def _parting_merit(words: list[Word], index: int) -> tuple[float, float]:
    pause = round(words[index].start - words[index - 1].end, 2)
    # A comma counts as a pause this much longer: clauses should stay whole.
    comma = 0.2 if words[index - 1].text.endswith((",", ";", ":")) else 0.0
    middle = (words[0].start + words[-1].end) / 2
    return pause + comma, -abs(words[index].start - middle)


def _join_short(pieces: list[list[Word]]) -> list[list[Word]]:
    """Join pieces that are too short to be spoken alone to what precedes or follows them."""
    joined: list[list[Word]] = []
    for piece, following in itertools.zip_longest(pieces, pieces[1:]):
        if (
            joined
            and _belong_together(joined[-1], piece)
            and not _belongs_to_next(joined[-1], piece, following)
        ):
            joined[-1] = joined[-1] + piece
        else:
            joined.append(piece)
    return joined


def _belongs_to_next(before: list[Word], piece: list[Word], following: list[Word] | None) -> bool:
    """Tell whether a short piece is nearer to the next one than to the one before, which is long
    enough alone."""
    return (
        following is not None
        and _seconds(before) >= SHORTEST_SECONDS
        and following[0].start - piece[-1].end < piece[0].start - before[-1].end
        and _belong_together(piece, following)
    )


def _belong_together(first: list[Word], second: list[Word]) -> bool:
    short = min(_seconds(first), _seconds(second)) < SHORTEST_SECONDS
    near = second[0].start - first[-1].end < JOIN_SECONDS
    return short and near and second[-1].end - first[0].start <= LONGEST_SECONDS


def _seconds(words: list[Word]) -> float:
    return words[-1].end - words[0].start


def _line(number: int, speaker: str, words: list[Word], pauses: Sequence[Span]) -> Line:
    start, end = words[0].start, words[-1].end
    return Line(
        id=number,
        start=start,
        end=end,
        text=_NO_SPACE.sub("", " ".join(word.text for word in words)),
        speaker=speaker,
        confidence=sum(word.confidence for word in words) / len(words),
        doubt=next((word.doubt for word in words if word.doubt), ""),
        pauses=tuple(
            pause
            for pause in pauses
            if start + EDGE_SECONDS <= pause.start and pause.end <= end - EDGE_SECONDS
        ),
    )


def _as_sentence(words: list[Word], partings: Sequence[float]) -> list[Word]:
    """Write words of a recogniser without punctuation as a sentence, which translators and readers
    need.

    A comma at each pause has the voice stop there, too.
    """
    texts = [word.text.rstrip(",;:") for word in words]
    for number, (word, following) in enumerate(itertools.pairwise(words)):
        texts[number] = word.text
        if _are_parted(word, following, partings) and word.text[-1].isalnum():
            texts[number] += ","
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "."
    return [replace(word, text=text) for word, text in zip(words, texts, strict=True)]
