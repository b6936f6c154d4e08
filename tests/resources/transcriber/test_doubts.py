"""Doubts: what is not trusted, and that it is always said."""

from __future__ import annotations

import pytest

from dub_platform.core.speech import Span, Word
from resources.transcriber.chunks import Piece
from resources.transcriber.doubts import LOOP, SILENCE, UNSURE, Doubt, Doubts, Finding, keep_trusted

TEXT = "My father was a fisherman, and he taught me how to read the wind."


@pytest.mark.parametrize(
    ("text", "log_probability", "no_speech", "doubt"),
    [
        (TEXT, -0.3, 0.01, None),
        (TEXT, -0.3, 0.9, None),
        (TEXT, -1.2, 0.01, UNSURE),
        (TEXT, -1.2, 0.9, SILENCE),
        (f"{TEXT} " * 8, -0.3, 0.01, LOOP),
        ("Thank you. " * 6, -1.2, 0.01, LOOP),
        ("No, no, no, no, no!", -0.3, 0.01, None),
        ("", -0.3, 0.01, None),
    ],
)
def test_the_gravest_doubt_is_told(
    text: str, log_probability: float, no_speech: float, doubt: Doubt | None
) -> None:
    """Whisper's rules: no speech counts only where the words are unsure too."""
    found = Doubts().about(text, log_probability=log_probability, no_speech=no_speech)
    assert doubt == found


def finding(start: float, doubt: Doubt | None) -> Finding:
    """One word, a second long."""
    span = Span(start, start + 1.0)
    return Finding(Piece(span.start, span.end, span), [Word("word", span.start, span.end)], doubt)


def test_what_is_left_out_is_said_with_its_places() -> None:
    """A sentence for each reason; the first five places, and how many more."""
    kept, why = keep_trusted([finding(2.0, SILENCE), *(finding(3.0 + i, LOOP) for i in range(7))])
    assert () == kept
    assert (
        "Speech at 2.0 s was left out, because the recogniser found no speech there. "
        "Speech at 3.0 s, 4.0 s, 5.0 s, 6.0 s, 7.0 s and 2 more places was left out, because the "
        "recogniser said the same words over and over."
    ) == why


def test_what_is_kept_is_marked_where_it_is_doubtful() -> None:
    """And nothing is said of what is in order."""
    kept, why = keep_trusted([finding(3.0, None), finding(1.0, UNSURE)])
    assert ["the recogniser is unsure of it", ""] == [each.words[0].doubt for each in kept]
    assert "" == why
