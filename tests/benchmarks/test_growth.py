"""Slopes: a leak is seen whatever covers it, and what only moves is flat."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from benchmarks import growth
from benchmarks.growth import Reading, Sample

SECONDS = 5.0
AN_HOUR = 3600 / SECONDS
SAMPLES = 240


def _samples(sizes: Callable[[int], dict[str, float]]) -> list[Sample]:
    """Twenty minutes of one role, whose processes have these sizes at each sample."""
    return [
        Sample(SECONDS * at, {"worker": dict(_readings(sizes(at).items()))}, {"files": at})
        for at in range(SAMPLES)
    ]


def _readings(sizes: Iterable[tuple[str, float]]) -> Iterable[tuple[str, Reading]]:
    return ((key, Reading(size, size, fds=size, threads=1)) for key, size in sizes)


def _growth(samples: list[Sample]) -> growth.Growth:
    return growth.of_role(samples, "worker", lambda process: process.rss_mb)


def test_a_leak_is_seen_in_noise() -> None:
    """A tenth of a megabyte in each sample, below a noise of ten."""
    noise = random.Random(1)
    leaking = _samples(lambda at: {"child": 200 + 0.1 * at + noise.uniform(-5, 5)})
    assert 0.1 * AN_HOUR == pytest.approx(_growth(leaking).per_hour, rel=0.15)


def test_flat_noise_is_flat() -> None:
    """Peaks of half of the size are no growth, wherever they come."""
    noise = random.Random(2)
    busy = _samples(lambda at: {"child": 200 + 100 * (noise.random() > 0.8)})
    assert 0 == pytest.approx(_growth(busy).per_hour, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("of_a_video", [0.0, 0.1])
def test_work_hides_no_leak_and_is_none(of_a_video: float, seed: int) -> None:
    """Of a process that dubs a video in seven seconds and rests for one of them; at work
    it holds up to sixty megabytes more, and at rest up to one."""
    noise = random.Random(seed)
    works = [noise.uniform(10, 60) for _ in range(SAMPLES)]

    def child(at: int) -> dict[str, float]:
        video = int(SECONDS * at / 7)
        at_work = works[video] * (noise.random() < 0.85)
        return {"child": 200 + of_a_video * video + at_work + noise.random()}

    true = of_a_video * 3600 / 7
    assert true == pytest.approx(_growth(_samples(child)).per_hour, abs=2)


def test_a_slow_leak_of_whole_ones_is_seen() -> None:
    """One file descriptor in three minutes."""
    leaking = _samples(lambda at: {"child": 20 + at // 36})
    assert 20 == pytest.approx(_growth(leaking).per_hour, rel=0.15)


def test_a_replaced_process_hides_no_leak() -> None:
    """Both children leak; that the second starts small again is not counted against it."""
    leaking = _samples(lambda at: {f"child {at // 120}": 200 + 0.5 * (at % 120)})
    assert 0.5 * AN_HOUR == pytest.approx(_growth(leaking).per_hour)
    assert 1 == growth.count_replaced(leaking, "worker")


def test_two_leaks_add_up() -> None:
    """The slope of a role is that of all its processes."""
    leaking = _samples(lambda at: {"one": 10 + 0.5 * at, "two": 100 + 0.25 * at})
    assert 0.75 * AN_HOUR == pytest.approx(_growth(leaking).per_hour)
    assert 110 + 0.75 * 2 == pytest.approx(_growth(leaking).start)


def test_a_tool_that_a_step_runs_is_no_process_of_the_role() -> None:
    """It comes and goes, with all that it holds."""
    working = _samples(lambda at: {"child": 200, **({f"ffmpeg {at}": 900} if at % 2 else {})})
    assert growth.Growth(200, 200, 0) == _growth(working)
    assert 0 == growth.count_replaced(working, "worker")


def test_tools_that_never_end_are_seen() -> None:
    """One more in each minute, and each stays."""
    left = _samples(lambda at: {f"ffmpeg {each}": 10 for each in range(1 + at // 12)})
    assert _growth(left).end > 10 * 18


def test_the_warm_up_is_left_out() -> None:
    """What is imported and connected in the first quarter is not growth."""
    warming = _samples(lambda at: {"child": 10 * min(at, 59)})
    assert growth.Growth(590, 590, 0) == _growth(list(growth.drop_warm_up(warming)))


def test_a_count_has_a_slope_too() -> None:
    """Here, one more file in each sample."""
    assert AN_HOUR == pytest.approx(
        growth.of_count(_samples(lambda at: {"child": 1}), "files").per_hour
    )


def test_one_sample_says_nothing_of_growth() -> None:
    """Nothing was seen to change."""
    assert 0 == growth.slope_per_hour([(1.0, 5.0)])
