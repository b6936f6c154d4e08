"""Words get times that lines can be made of."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.speech import Span, Word
from dub_platform.core.text.words import set_apart, spread

TIMES = st.floats(-5.0, 15.0)


def test_spread_words_take_time_by_their_letters() -> None:
    """One after another without gaps, over the whole span."""
    first, second, third = spread(["no", "one", "understands"], Span(1.0, 4.0))
    assert (1.0, 4.0) == (first.start, third.end)
    assert (first.end, second.end) == (second.start, third.start)
    assert 12 / 3 == pytest.approx((third.end - third.start) / (first.end - first.start))


def test_words_that_are_apart_already_stay_where_they_are() -> None:
    """Nothing is moved without need."""
    words = [Word("one", 1.0, 1.4, 0.9, "unsure"), Word("two", 1.5, 2.0)]
    assert words == set_apart(words, Span(0.5, 2.5))


def test_words_without_time_get_some() -> None:
    """Three words that were all heard at the very end still follow one another there."""
    words = [Word(text, 3.0, 3.0) for text in "abc"]
    apart = set_apart(words, Span(1.0, 3.0))
    assert [(2.94, 2.96), (2.96, 2.98), (2.98, 3.0)] == [
        (pytest.approx(word.start), pytest.approx(word.end)) for word in apart
    ]


@given(st.lists(st.tuples(TIMES, TIMES), max_size=60), st.floats(0.0, 5.0), st.floats(0.05, 5.0))
def test_no_word_is_lost_outside_or_on_another(
    times: list[tuple[float, float]], start: float, seconds: float
) -> None:
    """Whatever times a recogniser gives."""
    span = Span(start, start + seconds)
    words = [Word(str(number), *each) for number, each in enumerate(times)]
    apart = set_apart(words, span)
    assert [word.text for word in words] == [word.text for word in apart]
    assert all(span.start <= word.start < word.end <= span.end for word in apart)
    assert all(one.end <= other.start for one, other in pairwise(apart))
