"""What is known of a line before it is spoken, and what is asked of it after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dub_platform.core.speech import Line, Span, Transcript, TranslatedLine, Translation
from dub_platform.core.timeline import Part, Placement, Timeline
from dub_platform.core.timing.fitting import (
    PRIOR_LINES,
    Pace,
    choose_rewritable,
    count_hurried,
    learn_rate,
    pace_of,
    parts_of,
    predict_seconds,
    shorter_budgets,
    steps,
    tempos_over,
)

LINES = (
    Line(0, 0.0, 2.0, "a"),
    Line(1, 2.1, 4.0, "b", speaker="2"),
    Line(2, 4.1, 6.0, "c"),
)


def test_a_line_should_be_over_before_its_shot_is() -> None:
    """Or a second after its speaker; a cut while it is spoken says nothing about its end."""
    lengths = {line.id: 2.0 for line in LINES}
    parts = parts_of(LINES, lengths, cuts=(1.0, 2.4, 4.0, 7.5))
    assert [2.4, 4.0, 7.0] == [part.until for part in parts]
    assert [3.0, 5.0, 7.0] == [part.until for part in parts_of(LINES, lengths)]


def test_a_take_that_rests_is_placed_in_parts() -> None:
    """Each part on its own onset; the last one is to be over with the line."""
    line = replace(LINES[0], end=4.0, pauses=(Span(1.0, 1.5),))
    one, other = parts_of([line], {0: 3.0}, rests={0: [Span(0.9, 1.1)]})
    assert Part(0, 0.0, 0.9) == one
    assert (1.5, pytest.approx(1.9), 5.0, 1.1) == (
        other.onset,
        other.seconds,
        other.until,
        other.offset,
    )


def test_a_pace_is_the_median_of_lines_that_tell_one() -> None:
    """One odd take does not move it, and a word alone says nothing."""
    takes = [("a" * 24, 2.0), ("a" * 26, 2.0), ("a" * 28, 2.0), ("a" * 20, 0.1), ("Sí.", 1.0)]
    pace = pace_of(takes)
    assert pace is not None
    assert (13.5, 4) == (pace.rate, pace.lines)
    assert pace_of([("Sí.", 1.0)]) is None


def test_few_lines_do_not_swing_a_rate() -> None:
    """The table counts as many lines as it is given, and one odd dub among many not at all."""
    assert 12.0 == learn_rate(12.0, [])
    assert 12.0 < learn_rate(12.0, [Pace(24.0, 2)]) < 13.2
    assert 18.0 == learn_rate(12.0, [Pace(24.0, PRIOR_LINES)])
    odd = [Pace(14.0, 400), Pace(14.2, 400), Pace(40.0, 400)]
    assert pytest.approx(14.2, abs=0.1) == learn_rate(12.0, odd)


def test_lengths_are_predicted_by_the_rate_of_who_speaks() -> None:
    """Each speaker has their own voice."""
    texts = {0: "a" * 20, 1: "b" * 20, 2: "c" * 30}
    assert {0: 2.0, 1: 1.0, 2: 3.0} == predict_seconds(LINES, texts, {"1": 10.0, "2": 20.0})


def test_a_line_that_can_borrow_silence_is_not_hurried() -> None:
    """The same length is too much between two neighbours, and fits before a pause."""
    lengths = {0: 2.0, 1: 2.9, 2: 1.9}
    assert 1 in tempos_over(LINES, lengths, seconds=6.0)
    alone = (LINES[0], LINES[1])
    assert {} == tempos_over(alone, {0: 2.0, 1: 2.4}, seconds=9.0)


def test_a_budget_is_less_than_what_did_not_fit() -> None:
    """At the pace of the line's own take, and by as much as is heard at least."""
    budgets = shorter_budgets(LINES, {1: "b" * 100}, {0: 1.0, 1: 4.0, 2: 1.0})
    # 1.9 s of slot and 0.04 s of silence, at 25 characters a second.
    assert {1: 48} == budgets
    assert {1: 86} == shorter_budgets(LINES, {1: "b" * 100}, {0: 1.0, 1: 1.8, 2: 1.0})


def test_the_most_hurried_lines_are_rewritten_first() -> None:
    """Those that may be, at most the share of all lines, and one where there is any."""
    crowded = {3: 1.2, 4: 1.3, 5: 1.25, 6: 1.28}
    assert [5, 6] == choose_rewritable(crowded, [3, 5, 6], share=0.1, count=20)
    assert [6] == choose_rewritable(crowded, [3, 5, 6], share=0.1, count=4)
    assert [] == choose_rewritable(crowded, [3, 5, 6], share=0.0, count=20)


def test_every_step_is_counted() -> None:
    """A comfortable line in none, a late one as shifted and flagged, a fast one by its tempo."""
    places = (
        Placement(0, 0.0, 1.0, 1.1),
        Placement(1, 1.2, 1.0, 1.2),
        Placement(2, 2.5, 1.0, 1.3, 0.05),
        Placement(3, 4.0, 1.0, 1.0, 0.3),
    )
    assert {
        "lines_over_1_15": 2,
        "lines_at_1_30": 1,
        "lines_shifted": 1,
        "lines_flagged": 2,
    } == steps(Timeline(9.0, places))


def test_lines_that_will_be_hurried_are_counted_before_they_are_spoken() -> None:
    """One that the translation lacks is a gate's to find, and counts for none."""
    texts = {0: "x" * 5, 2: "x" * 25}
    written = tuple(TranslatedLine(line_id, text) for line_id, text in texts.items())
    translation = Translation("es", "engine", written)
    transcript = Transcript("en", "engine", LINES)
    rates = {line.speaker: 10.0 for line in LINES}
    assert 1 == count_hurried(transcript, translation, rates, seconds=6.0)
    assert 0 == count_hurried(transcript, replace(translation, lines=()), rates, seconds=6.0)
