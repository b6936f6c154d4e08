"""Words in time: every word gets some, none overlaps the next, and all stay where speech is.

words = spread("Good morning, everyone.".split(), Span(1.0, 2.5))
words = set_apart(words, Span(1.2, 2.0))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dub_platform.core.speech import Span, Word

# Recognisers see speech in steps of this, and so give some words no time at all.
SHORTEST_SECONDS = 0.02


def spread(texts: Sequence[str], span: Span) -> Iterator[Word]:
    """Spread the texts over the span as words one after another, each as long as its letters."""
    letters = sum(len(text) + 1 for text in texts)
    start, passed = span.start, 0
    for text in texts:
        passed += len(text) + 1
        end = span.start + span.seconds * passed / letters
        yield Word(text, start, end)
        start = end


def set_apart(words: Sequence[Word], span: Span) -> list[Word]:
    """Return all the words in their order, moved as little as makes each lie in the span alone.

    What a recogniser heard is never dropped for its times: they are the less certain part.
    """
    least = min(SHORTEST_SECONDS, span.seconds / (2 * max(len(words), 1)))
    return list(reversed(list(_cap_ends(list(_push_starts(words, span, least)), span, least))))


def _push_starts(words: Sequence[Word], span: Span, least: float) -> Iterator[Word]:
    """Move each start to where the word before it ends, if it is earlier."""
    free = span.start
    for word in words:
        start = max(free, word.start)
        free = max(word.end, start + least)
        yield replace(word, start=start, end=free)


def _cap_ends(words: Sequence[Word], span: Span, least: float) -> Iterator[Word]:
    """Move each end to where the next word starts, if it is later; yields from the last word to the
    first."""
    limit = span.end
    for word in reversed(words):
        end = min(word.end, limit)
        limit = max(span.start, min(word.start, end - least))
        yield replace(word, start=limit, end=end)
