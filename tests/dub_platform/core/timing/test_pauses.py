"""Pauses: at which of its own rests a take is part_take, and which it keeps."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.speech import Line, Span
from dub_platform.core.timeline import COMFORTABLE
from dub_platform.core.timing.pauses import LONGER_SECONDS, Phrase, find_phrase_ends, part_take

LINE = Line(0, 10.0, 14.0, "Good morning, and welcome.", pauses=(Span(11.5, 12.0),))


@st.composite
def spans(draw: st.DrawFn, start: float, seconds: float) -> tuple[Span, ...]:
    """Up to five spans in order, apart from each other and from the ends."""
    edges = st.floats(start + 0.05, start + seconds - 0.05)
    found = sorted(draw(st.lists(edges, max_size=10, unique=True)))
    return tuple(Span(*pair) for pair in zip(found[::2], found[1::2], strict=False))


def begins(line: Line, seconds: float, *rests: Span) -> list[tuple[float, float]]:
    """Where each phrase begins in the take, and where it is to begin in the video."""
    return [(phrase.offset, phrase.onset) for phrase in part_take(line, seconds, rests)]


@given(spans(10.0, 8.0), spans(0.0, 6.0))
def test_a_take_is_parted_at_its_rests_alone(
    pauses: tuple[Span, ...], rests: tuple[Span, ...]
) -> None:
    """All of its speech is in one phrase, in order, and nothing between two but a rest."""
    line = Line(0, 10.0, 18.0, "", pauses=pauses)
    phrases = part_take(line, 6.0, rests)
    assert (0.0, 10.0) == (phrases[0].offset, phrases[0].onset)
    assert pytest.approx(6.0) == phrases[-1].offset + phrases[-1].seconds
    between = [
        Span(one.offset + one.seconds, other.offset) for one, other in itertools.pairwise(phrases)
    ]
    for gap in between:
        assert any(gap.start == pytest.approx(rest.start) and gap.end == rest.end for rest in rests)
    assert {phrase.onset for phrase in phrases[1:]} <= {pause.end for pause in pauses}


@given(spans(10.0, 8.0), spans(0.0, 6.0))
def test_what_is_parted_fits_and_is_not_torn_apart(
    pauses: tuple[Span, ...], rests: tuple[Span, ...]
) -> None:
    """No phrase needs a hurry to be over by the next one, nor leaves a much longer pause."""
    line = Line(0, 10.0, 18.0, "", pauses=pauses)
    kept = {pause.end: pause for pause in pauses}
    for one, other in itertools.pairwise(part_take(line, 6.0, rests)):
        room = other.onset - one.onset
        assert one.seconds / COMFORTABLE < room
        assert room - one.seconds <= kept[other.onset].seconds + LONGER_SECONDS + 1e-9


def test_a_take_rests_where_its_line_pauses() -> None:
    """Its second phrase begins with the original's."""
    assert [(0.0, 10.0), (1.6, 12.0)] == begins(LINE, 3.5, Span(1.4, 1.6))


def test_a_take_without_a_rest_or_a_line_without_a_pause_is_whole() -> None:
    """There is nothing to part, or nothing to part it for."""
    assert (Phrase(0.0, 3.5, 10.0),) == part_take(LINE, 3.5, ())
    assert (Phrase(0.0, 3.5, 10.0),) == part_take(Line(0, 10.0, 14.0, ""), 3.5, [Span(1.4, 1.6)])


@pytest.mark.parametrize("rest", [Span(2.6, 2.8), Span(0.3, 0.5)], ids=["too long", "too short"])
def test_a_phrase_that_would_be_hurried_or_left_alone_is_not_parted(rest: Span) -> None:
    """The pause is then lost, which is less of a fault."""
    assert [(0.0, 10.0)] == begins(LINE, 3.5, rest)


def test_a_breath_between_two_silences_is_no_phrase() -> None:
    """However many pauses there are for it."""
    line = Line(0, 10.0, 14.0, "", pauses=(Span(11.0, 11.3), Span(11.7, 12.0)))
    assert [(0.0, 10.0), (1.1, 11.3)] == begins(line, 3.5, Span(0.9, 1.1), Span(1.2, 1.3))


def test_of_several_rests_the_one_at_the_pause_is_taken() -> None:
    """The phrase is as long as the original's, most nearly."""
    rests = Span(1.1, 1.2), Span(1.5, 1.6), Span(1.8, 1.9)
    assert [(0.0, 10.0), (1.6, 12.0)] == begins(LINE, 3.5, *rests)


def test_as_many_pauses_are_kept_as_there_are_rests_for() -> None:
    """In their order."""
    line = Line(0, 0.0, 6.0, "", pauses=(Span(1.0, 1.4), Span(2.5, 2.9), Span(4.0, 4.4)))
    rests = Span(0.9, 1.1), Span(3.6, 3.8)
    assert [(0.0, 0.0), (1.1, 1.4), (3.8, 4.4)] == begins(line, 5.4, *rests)


def test_a_phrase_ends_at_a_mark_and_not_at_a_double_consonant() -> None:
    """Finnish is as silent in `takki` as at a comma: a mark tells them apart."""
    text = "Katto on pettynyt kukkaan, mutta takki on lattialla."
    silences = [0.18, 0.73, 1.37, 1.86, 2.15, 2.57, 3.14]
    rests = [Span(start, start + 0.16) for start in silences]
    assert (Span(1.86, 2.02),) == find_phrase_ends(text, 3.4, rests)


def test_a_short_silence_at_a_mark_may_lie_in_a_word() -> None:
    """As in the Italian `otto`, which is silent for 130 ms."""
    assert () == find_phrase_ends("Ho fatto otto, poi nove.", 2.4, [Span(1.2, 1.33)])


def test_where_a_voice_is_silent_for_long_a_phrase_ends() -> None:
    """Whatever is written."""
    assert (Span(1.0, 1.3),) == find_phrase_ends(
        "El agua es fría pero buena", 2.4, [Span(1.0, 1.3)]
    )


def test_the_mark_at_the_end_ends_no_phrase_within() -> None:
    """Only what something follows does."""
    assert () == find_phrase_ends("El agua es fría.", 1.5, [Span(1.2, 1.4)])
