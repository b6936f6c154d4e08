"""The timeline: what holds for any takes, and what a listener would ask of ordinary ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dub_platform.core.timeline import (
    FASTEST,
    GAP_SECONDS,
    SLOWEST,
    Part,
    Placement,
    Timeline,
    TooLong,
    fit_timeline,
)

# The solver's own tolerance; far less than a video frame.
CLOSE = 0.002

lengths = st.floats(0.0, 40.0, allow_subnormal=False)
onsets = st.floats(0.0, 200.0, allow_subnormal=False)


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    """Takes in the order of their onsets, crowded, sparse or all at once."""
    drawn = draw(st.lists(st.tuples(onsets, lengths), min_size=1, max_size=25))
    return [
        Part(line_id, onset, seconds)
        for line_id, (onset, seconds) in enumerate(sorted(drawn, key=lambda pair: pair[0]))
    ]


@st.composite
def parts_with_room(draw: st.DrawFn) -> list[Part]:
    """Takes that each end at least the gap before the next one's onset."""
    placed: list[Part] = []
    free_from = 0.0
    for line_id in range(draw(st.integers(1, 25))):
        onset = free_from + draw(st.floats(0.0, 5.0))
        placed.append(Part(line_id, onset, draw(st.floats(0.1, 12.0))))
        free_from = onset + placed[-1].seconds + GAP_SECONDS
    return placed


@st.composite
def takes_in_parts(draw: st.DrawFn) -> list[Part]:
    """Takes of one part to three, each to follow the one before it, with a rest between them."""
    placed: list[Part] = []
    for take in draw(parts()):
        onset, offset = take.onset, 0.0
        for seconds in draw(st.lists(st.floats(0.05, 6.0), min_size=1, max_size=3)):
            placed.append(replace(take, onset=onset, seconds=seconds, offset=offset))
            offset += seconds + 0.1
            onset += seconds + draw(st.floats(-1.0, 2.0))
    return placed


def least_seconds(takes: list[Part]) -> float:
    """How long the takes last at their fastest, one gap after the other."""
    return sum(take.seconds for take in takes) / FASTEST + GAP_SECONDS * (len(takes) - 1)


@given(parts(), st.floats(0.0, 300.0))
def test_no_two_takes_overlap(takes: list[Part], seconds: float) -> None:
    """However crowded the video, a take starts after the one before it ended."""
    assert () == fit_timeline(takes, seconds=seconds).overlaps()


@given(parts(), st.floats(0.0, 300.0))
def test_tempo_stays_within_its_limits(takes: list[Part], seconds: float) -> None:
    """Never under 0.90, never over 1.30, also where that is not enough."""
    tempos = [place.tempo for place in fit_timeline(takes, seconds=seconds).placements]
    assert min(tempos) >= SLOWEST
    assert max(tempos) <= FASTEST


@given(parts(), st.floats(0.0, 300.0))
def test_every_take_is_placed_once_in_its_order(takes: list[Part], seconds: float) -> None:
    """None is dropped, none overtakes another, none starts before the video does."""
    places = fit_timeline(takes, seconds=seconds).placements
    assert [take.line_id for take in takes] == [place.line_id for place in places]
    starts = [place.start for place in places]
    assert sorted(starts) == starts
    assert starts[0] >= 0.0


@given(parts(), st.floats(0.0, 300.0))
def test_a_take_is_never_cut(takes: list[Part], seconds: float) -> None:
    """It lasts as long as it was spoken, divided by its tempo."""
    places = fit_timeline(takes, seconds=seconds).placements
    for take, place in zip(takes, places, strict=True):
        assert pytest.approx(take.seconds) == place.seconds * place.tempo


@given(parts(), st.floats(0.0, 30.0))
def test_what_can_fit_does_not_run_past_the_end(takes: list[Part], spare: float) -> None:
    """The last take ends with the video whenever all of them fit at their fastest."""
    assert fit_timeline(takes, seconds=least_seconds(takes) + spare).overrun <= CLOSE


@given(parts(), st.floats(0.0, 1.0))
def test_what_cannot_fit_runs_over_by_no_more_than_it_must(takes: list[Part], share: float) -> None:
    """The overrun is what the fastest takes need beyond the video, and it is told."""
    needed = least_seconds(takes)
    overrun = fit_timeline(takes, seconds=needed * share).overrun
    assert pytest.approx(needed * (1 - share), abs=CLOSE) == overrun


@given(parts(), st.floats(0.0, 1.0))
def test_shortening_the_lines_that_are_named_makes_all_fit(takes: list[Part], share: float) -> None:
    """By the seconds that are named, and none is named where all fit already."""
    seconds = least_seconds(takes) * share
    cuts = {each.line_id: each.seconds for each in fit_timeline(takes, seconds=seconds).too_long()}
    # Lines that leave no room for the gaps between them fit at no length.
    assume(all(cuts.get(take.line_id, 0.0) <= take.seconds for take in takes))
    shorter = [replace(take, seconds=take.seconds - cuts.get(take.line_id, 0.0)) for take in takes]
    assert fit_timeline(shorter, seconds=seconds).overrun <= 2 * CLOSE


@given(parts(), st.floats(0.0, 30.0))
def test_a_video_that_holds_all_names_no_line(takes: list[Part], spare: float) -> None:
    """There is nothing to shorten where nothing runs past the end."""
    timeline = fit_timeline(takes, seconds=least_seconds(takes) + 2 * CLOSE + spare)
    assert () == timeline.too_long()


@given(parts(), st.floats(0.0, 3.0), st.floats(0.0, 300.0))
def test_wishes_for_an_end_never_break_a_promise(
    takes: list[Part], after: float, seconds: float
) -> None:
    """No overlap, no other tempo, nothing before the video, no more past its end than it must."""
    wishing = [replace(take, until=take.onset + after) for take in takes]
    timeline = fit_timeline(wishing, seconds=seconds)
    assert () == timeline.overlaps()
    assert all(SLOWEST <= place.tempo <= FASTEST for place in timeline.placements)
    assert timeline.placements[0].start >= 0.0
    assert timeline.overrun <= max(0.0, least_seconds(takes) - seconds) + CLOSE


@given(parts_with_room())
def test_takes_that_fit_are_left_alone(takes: list[Part]) -> None:
    """Where every take has room they start on their onsets, as they were spoken."""
    end = takes[-1].onset + takes[-1].seconds
    timeline = fit_timeline(takes, seconds=end + GAP_SECONDS)
    assert {1.0} == {place.tempo for place in timeline.placements}
    assert max(abs(place.onset_error) for place in timeline.placements) <= CLOSE


@given(parts(), st.floats(0.0, 300.0))
def test_the_onset_error_is_what_it_says(takes: list[Part], seconds: float) -> None:
    """Seconds from the wanted onset to the start, positive when late."""
    for take, place in zip(takes, fit_timeline(takes, seconds=seconds).placements, strict=True):
        assert place.start - take.onset == place.onset_error


@given(takes_in_parts(), st.floats(0.0, 300.0))
def test_a_take_in_parts_is_said_whole_and_in_order(takes: list[Part], seconds: float) -> None:
    """No part is left out, cut, hurried over the limit, or said over another one."""
    timeline = fit_timeline(takes, seconds=seconds)
    placed = [part for place in timeline.placements for part in place.all_parts]
    assert [take.offset for take in takes] == [part.offset for part in placed]
    assert pytest.approx([take.seconds for take in takes]) == [
        part.spoken_seconds for part in placed
    ]
    assert () == timeline.overlaps()
    assert all(SLOWEST <= part.tempo <= FASTEST for part in placed)


@given(takes_in_parts(), st.floats(0.0, 300.0))
def test_a_take_in_parts_is_one_placement(takes: list[Part], seconds: float) -> None:
    """From its first part's start to its last one's end, as fast as the fastest."""
    places = fit_timeline(takes, seconds=seconds).placements
    assert list(dict.fromkeys(take.line_id for take in takes)) == [it.line_id for it in places]
    firsts = [take.onset for take in takes if not take.offset]
    assert pytest.approx(firsts) == [place.onset for place in places]
    for place in places:
        assert (place.start, pytest.approx(place.end)) == (
            place.all_parts[0].start,
            place.all_parts[-1].end,
        )
        assert place.tempo == max(part.tempo for part in place.all_parts)


@given(takes_in_parts(), st.floats(0.0, 1.0))
def test_parts_fit_wherever_they_can(takes: list[Part], share: float) -> None:
    """Past the end goes no more than must, and the lines that are named can make good for it."""
    needed = least_seconds(takes)
    timeline = fit_timeline(takes, seconds=needed * share)
    assert pytest.approx(needed * (1 - share), abs=CLOSE) == timeline.overrun
    named = sum(each.seconds for each in timeline.too_long()) / FASTEST
    assert named >= timeline.overrun - 2 * CLOSE


def test_a_pause_gives_way_before_the_voice_is_hurried() -> None:
    """A second part whose place is taken begins late; at its own onset where it has room."""
    takes = [Part(0, 0.0, 2.0), Part(0, 1.9, 1.0, offset=2.2)]
    (place,) = fit_timeline(takes, seconds=10.0).placements
    # Less than 5 % is no hurry that anybody notices.
    assert place.tempo < 1.05
    assert place.parts[1].start > 2.0
    (roomy,) = fit_timeline([takes[0], replace(takes[1], onset=2.5)], seconds=10.0).placements
    assert (2.5, 3.5) == pytest.approx((roomy.parts[1].start, roomy.end), abs=CLOSE)


@pytest.mark.parametrize(
    ("takes", "seconds"),
    [
        ([Part(number, 1.0, 1.0) for number in range(5)], 10.0),
        ([Part(0, 25.0, 1.0)], 10.0),
        ([Part(0, 1e9, 1.0)], 10.0),
        ([Part(0, 1.0, 2.0), Part(1, 3.0, 2.0), Part(2, 5.0, 2.0)], 7.0),
        ([Part(0, 1.0, 1000.0), Part(1, 2.0, 0.5)], 800.0),
        ([Part(number, 0.0, 30.0) for number in range(200)], 4_812.0),
        ([Part(number, 1.0, 0.0) for number in range(3)], 2.0),
        ([Part(number, number * 1e-6, 1e-6) for number in range(100)], 60.0),
    ],
    ids=[
        "one onset for all",
        "an onset beyond the end",
        "an onset far beyond the end",
        "slots without a gap",
        "a very long take",
        "a long video that is full",
        "takes of no length",
        "slots of no length",
    ],
)
def test_odd_takes_fit_as_well(takes: list[Part], seconds: float) -> None:
    """They are placed inside the video and one after the other, as any takes are."""
    timeline = fit_timeline(takes, seconds=seconds)
    assert (0.0, ()) == (round(timeline.overrun, 2), timeline.overlaps())
    assert all(SLOWEST <= place.tempo <= FASTEST for place in timeline.placements)


def test_two_thousand_lines_fit() -> None:
    """Ninety minutes of dense speech, every take a little too long for its slot."""
    takes = [Part(number, number * 3.0, 3.1) for number in range(2000)]
    timeline = fit_timeline(takes, seconds=6000.0)
    assert ((), 0.0) == (timeline.overlaps(), timeline.overrun)
    assert timeline.onset_p95 < 0.125
    assert timeline.tempo_p95 < 1.15


def test_a_video_without_lines_has_an_empty_timeline() -> None:
    """Nothing to place is no failure, and all its numbers are zero."""
    timeline = fit_timeline([], seconds=30.0)
    assert Timeline(30.0, ()) == timeline
    assert (0.0, 0.0, 0.0) == (timeline.overrun, timeline.onset_p95, timeline.tempo_p95)


def test_a_long_take_borrows_the_silence_around_its_slot() -> None:
    """Longer than what it replaces, but between two pauses, it stays as it was spoken."""
    takes = [Part(0, 1.0, 2.0), Part(1, 5.0, 3.5), Part(2, 10.0, 2.0)]
    places = fit_timeline(takes, seconds=15.0).placements
    assert [1.0, 1.0, 1.0] == [place.tempo for place in places]
    assert [1.0, 5.0, 10.0] == [round(place.start, 2) for place in places]


def test_a_crowded_take_is_sped_up_before_it_is_late() -> None:
    """Where there is no silence to borrow, tempo and onset share what is too long."""
    takes = [Part(number, 1.0 + 2.0 * number, 2.2) for number in range(5)]
    timeline = fit_timeline(takes, seconds=11.5)
    assert 1.05 < timeline.tempo_p95 < 1.20
    assert timeline.onset_p95 < 0.125


def test_tempo_does_not_jump_between_neighbours() -> None:
    """One crowded take in the middle of calm ones is approached step by step, and left so."""
    takes = [Part(number, 3.0 * number, 2.9) for number in range(9)]
    takes[4] = replace(takes[4], seconds=3.5)
    tempos = [place.tempo for place in fit_timeline(takes, seconds=27.0).placements]
    assert sorted(tempos[:5]) == tempos[:5]
    assert sorted(tempos[4:], reverse=True) == tempos[4:]
    assert 1.02 < tempos[3] < tempos[4] < 1.20


def test_what_is_heard_as_untouched_is_untouched() -> None:
    """A tempo within half a percent of the spoken one is left at 1.0."""
    takes = [Part(number, 3.0 * number, 2.945) for number in range(9)]
    timeline = fit_timeline(takes, seconds=27.0)
    assert {1.0} == {place.tempo for place in timeline.placements}
    assert () == timeline.overlaps()


def test_what_is_left_untouched_does_not_run_past_the_end() -> None:
    """A take a hundredth too long for the video is sped up by as little as that."""
    timeline = fit_timeline([Part(0, 0.0, 12.03)], seconds=12.0)
    assert timeline.overrun <= CLOSE
    assert 1.0025 == round(timeline.tempo_p95, 4)


def test_a_take_hurries_when_nobody_is_seen_to_speak_any_more() -> None:
    """With silence to borrow and a wish to be over, tempo and end share what is too long."""
    take = Part(0, 2.0, 4.0)
    (free,) = fit_timeline([take], seconds=10.0).placements
    (wishing,) = fit_timeline([replace(take, until=5.0)], seconds=10.0).placements
    assert (6.0, 1.0) == (round(free.end, 2), free.tempo)
    assert 1.02 < wishing.tempo < 1.30
    assert 5.0 < wishing.end < 5.9
    assert 0.0 == wishing.onset_error


def test_the_lines_that_fill_a_video_beyond_its_end_are_named() -> None:
    """The long one in the short slot, by what it is over the end at the highest tempo."""
    takes = [Part(0, 0.0, 1.3), Part(1, 2.0, 10.4), Part(2, 4.0, 1.3)]
    (named,) = fit_timeline(takes, seconds=9.0).too_long()
    assert TooLong(1, 1.46) == replace(named, seconds=round(named.seconds, 2))


def test_overlaps_names_the_lines_that_sound_at_once() -> None:
    """A timeline that was not solved here is judged too."""
    places = (Placement(4, 1.0, 2.0, 1.0), Placement(7, 2.5, 1.0, 1.0), Placement(9, 3.5, 1.0, 1.0))
    assert ((4, 7),) == Timeline(10.0, places).overlaps()


def test_overrun_is_what_lies_past_the_end() -> None:
    """Half a second over is half a second; ending early is none."""
    place = Placement(0, 8.0, 2.5, 1.0)
    assert (0.5, 0.0) == (Timeline(10.0, (place,)).overrun, Timeline(11.0, (place,)).overrun)
