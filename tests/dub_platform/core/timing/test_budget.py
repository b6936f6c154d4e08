"""Budgets: how much text a line has time for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.speech import Line
from dub_platform.core.timeline import GAP_SECONDS
from dub_platform.core.timing.budget import (
    LEAST_CHARACTERS,
    LONGEST_LOAN_SECONDS,
    RATES,
    character_budgets,
    fits,
    is_plausible,
    speaking_rate,
)

slots = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.floats(0.1, 12.0)).map(lambda pair: pair), max_size=30
)


def lines_of(*slots: tuple[float, float]) -> list[Line]:
    """Lines with these (start, end), and ids that are not positions."""
    return [Line(10 * n, start, end, "text") for n, (start, end) in enumerate(slots)]


def test_a_line_has_its_slot_and_the_silence_after_it() -> None:
    """Two seconds and a half of silence, less the gap between two takes."""
    budgets = character_budgets(lines_of((1.0, 3.0), (3.5, 5.5)), rate=100.0)
    assert {0: int(100 * (2.5 - GAP_SECONDS)), 10: 200} == budgets


def test_a_long_silence_is_lent_in_part() -> None:
    """A dub that goes on long after the speaker has stopped is noticed."""
    budgets = character_budgets(lines_of((0.0, 2.0), (60.0, 62.0)), rate=100.0)
    assert int(100 * (2.0 + LONGEST_LOAN_SECONDS)) == budgets[0]


def test_the_silence_before_a_line_is_not_lent() -> None:
    """A voice that comes early is noticed first."""
    alone, late = lines_of((0.0, 2.0)), lines_of((30.0, 32.0))
    assert character_budgets(alone, rate=12.0) == character_budgets(late, rate=12.0)


def test_lines_that_overlap_have_their_slots() -> None:
    """Two people who talk at once take nothing away from each other."""
    assert {0: 200, 10: 200} == character_budgets(lines_of((0.0, 2.0), (1.0, 3.0)), rate=100.0)


def test_the_shortest_slot_has_room_for_a_word() -> None:
    """Nobody can say yes in two characters in every language."""
    assert {0: LEAST_CHARACTERS} == character_budgets(lines_of((0.0, 0.1)), rate=12.0)


@given(slots)
def test_no_time_is_given_away_twice(drawn: list[tuple[float, float]]) -> None:
    """All budgets together are said before the last line ends, least budgets apart."""
    lines, clock = [], 0.0
    for number, (pause, seconds) in enumerate(drawn):
        lines.append(Line(number, clock + pause, clock + pause + seconds, "text"))
        clock += pause + seconds
    budgets = character_budgets(lines, rate=100.0)
    assert [line.id for line in lines] == list(budgets)
    assert sum(budgets.values()) / 100.0 <= clock + 1e-6


@pytest.mark.parametrize(("language", "rate"), [("en", 13.5), ("zh", 4.2), ("xx", 12.0)])
def test_the_rate_is_the_languages_own(language: str, rate: float) -> None:
    """A language that was not measured is taken for an alphabet's mean."""
    assert rate == speaking_rate(language)


def test_no_rate_is_out_of_this_world() -> None:
    """Alphabets are spoken at 10 to 15 characters a second, syllables and ideas at 4."""
    assert all(3.5 < rate < 5.0 or 10.0 < rate < 15.0 for rate in RATES.values())


def test_what_nobody_hears_is_no_reason_to_write_anew() -> None:
    """Five in a hundred over the budget still fit; six do not."""
    assert fits("x" * 105, 100)
    assert not fits("x" * 106, 100)


@pytest.mark.parametrize(
    ("text", "original", "language", "source"),
    [
        ("Sí.", "Yes, of course I do.", "es", "en"),
        ("Naturalmente que sí.", "Yes.", "es", "en"),
        ("我父亲是渔夫，他教我看风。", "My father was a fisherman who read the wind.", "zh", "en"),
        ("My father was a fisherman who taught me.", "我父亲是渔夫，他教我。", "en", "zh"),
    ],
)
def test_what_people_write_is_plausible(
    text: str, original: str, language: str, source: str
) -> None:
    """Translations differ in length, and more so between scripts."""
    assert is_plausible(text, original, language=language, source=source)


@pytest.mark.parametrize(("text", "original"), [("bla " * 100, "Yes."), ("Sí.", "word " * 100)])
def test_what_no_translation_is_as_long_as_is_not_plausible(text: str, original: str) -> None:
    """A text without an end, and one that lost most of it."""
    assert not is_plausible(text, original, language="es", source="en")
