"""Batches: where the lines are parted."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.speech import Line
from dub_platform.core.text.batches import FEWEST_LINES, MOST_LINES, batches


def talk(pauses: list[float]) -> list[Line]:
    """Lines of a second each, with these pauses after them."""
    starts = itertools.accumulate([0.0, *(1.0 + pause for pause in pauses[:-1])])
    return [Line(n, start, start + 1.0, f"line {n}") for n, start in enumerate(starts)]


@given(st.lists(st.floats(0.0, 9.0), min_size=1, max_size=200))
def test_every_line_is_in_one_batch_and_in_order(pauses: list[float]) -> None:
    """No batch is too large, and only the last one may be small."""
    lines = talk(pauses)
    parted = batches(lines)
    assert lines == [line for batch in parted for line in batch]
    assert all(len(batch) <= MOST_LINES for batch in parted)
    assert all(len(batch) >= FEWEST_LINES for batch in parted[:-1])


def test_no_lines_are_no_batches() -> None:
    """Nothing is asked for where nothing is said."""
    assert [] == batches([])


def test_lines_are_parted_where_the_talk_pauses() -> None:
    """The longest pause among those that can be is the end of a batch."""
    pauses = [0.1] * 100
    pauses[26], pauses[10] = 5.0, 9.0
    assert 27 == len(batches(talk(pauses))[0])


def test_without_a_pause_batches_are_as_large_as_can_be() -> None:
    """Fewer requests carry fewer prompts."""
    assert [40, 40, 20] == [len(batch) for batch in batches(talk([0.0] * 100))]


def test_a_line_more_leaves_later_batches_as_they_were() -> None:
    """What was paid for them is used again."""
    pauses = [0.1 + 0.01 * (37 * n % 101) for n in range(200)]
    before = [[line.text for line in batch] for batch in batches(talk(pauses))]
    lines = talk([*pauses[:5], 0.3, *pauses[5:]])
    texts = [f"line {n}" for n in range(5)] + ["new"] + [f"line {n}" for n in range(5, 200)]
    renamed = [Line(n, line.start, line.end, texts[n]) for n, line in enumerate(lines)]
    after = [[line.text for line in batch] for batch in batches(renamed)]
    assert len([batch for batch in before if batch not in after]) <= 2
