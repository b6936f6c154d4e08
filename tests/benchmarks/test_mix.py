"""The benchmark of the mix: a minute of it, mixed and measured as the longer ones are."""

from __future__ import annotations

import json

import pytest

from benchmarks.mix import Cost, as_json, measure_mix
from dub_platform.core import loudness


@pytest.mark.long
def test_a_minute_is_mixed_and_measured() -> None:
    """Time and memory are those of a process that was there, and the track is as promised."""
    [cost] = measure_mix([1])
    assert 1 == cost.minutes
    assert min(cost.floor_s, cost.audio_s, cost.seconds) > 0.0
    # An interpreter with numpy and a codec has more than this.
    assert cost.peak_mb > 30.0
    assert pytest.approx(loudness.TARGET_LUFS, abs=loudness.LUFS_TOLERANCE + 1e-9) == cost.lufs
    assert cost.true_peak_db <= loudness.TRUE_PEAK_DB


def test_the_line_has_a_ratio_for_each_length_and_the_memory_of_the_longest() -> None:
    """To the floor of the same length."""
    costs = [
        Cost(
            5, floor_s=8.0, audio_s=1.0, peak_mb=200.0, seconds=4.0, lufs=-16.0, true_peak_db=-1.6
        ),
        Cost(60, 100.0, 12.0, peak_mb=219.6, seconds=55.0, lufs=-16.0, true_peak_db=-1.6),
    ]
    expected = {"ratio_5": 0.5, "ratio_60": 0.55, "peak_mb_60": 220}
    assert expected == json.loads(as_json(costs))
