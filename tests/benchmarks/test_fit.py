"""The timeline against greedy placement: what a listener notices is less, and nothing is lost."""

from __future__ import annotations

import pytest

from benchmarks.fit import WAYS, Result, draw_breathing, draw_video, measure_way

LINES = 300


def made(way: str, share: float) -> Result:
    return measure_way(WAYS[way], draw_video(LINES, share))


@pytest.mark.parametrize("share", [0.2, 0.4], ids=["dense", "between"])
def test_crowded_takes_are_out_of_step_and_fast_less_often_than_greedily(share: float) -> None:
    """At the same cap: fewer lines that are noticed either way, and none as late as the latest."""
    timeline, greedy = made("timeline", share), made("greedy, shifts", share)
    assert timeline.out_of_step <= greedy.out_of_step
    assert timeline.fast < greedy.fast
    assert timeline.onset_max_ms < greedy.onset_max_ms
    assert timeline.tempo_p95 <= greedy.tempo_p95
    assert (0, 0.0, 0.0) == (timeline.overlaps, timeline.words_cut, timeline.overrun_seconds)


def test_takes_with_room_are_left_on_their_onsets() -> None:
    """Only what would go on for long after its speaker is a little faster."""
    timeline = made("timeline", 1.0)
    assert (0.0, 0.0) == (round(timeline.onset_max_ms), timeline.fast)
    assert timeline.tempo_p95 < 1.10


def test_takes_in_parts_keep_pauses_at_no_cost_to_lines() -> None:
    """Most that can be kept are, and crowded lines are neither later nor faster for it."""
    whole, parts = (
        measure_way(WAYS["timeline"], draw_breathing(LINES, 0.2, parted=parted))
        for parted in (False, True)
    )
    assert 0.0 == whole.pauses_in_place
    assert parts.pauses_in_place is not None
    assert parts.pauses_in_place > 0.7
    assert parts.out_of_step <= whole.out_of_step + 0.005
    assert parts.fast <= whole.fast + 0.005
    assert parts.tempo_p95 <= whole.tempo_p95 + 0.02
    assert parts.onset_p95_ms <= whole.onset_p95_ms + 20
    assert (0, 0.0) == (parts.overlaps, parts.overrun_seconds)


@pytest.mark.parametrize(("way", "lost"), [("greedy, cuts", "words_cut"), ("overlaid", "overlaps")])
def test_the_other_ways_lose_what_they_are_known_to_lose(way: str, lost: str) -> None:
    """Words or order: the comparison would see it."""
    assert getattr(made(way, 0.2), lost) > 0
