"""The metrics that outlive processes: which bucket, which labels."""

from __future__ import annotations

import pytest

from dub_platform.core.service.metrics import GATE_RESULTS, METRICS, PROCESSING_SECONDS, Tally


@pytest.mark.parametrize(
    ("seconds", "le"), [(0.0, "10.0"), (10.0, "10.0"), (10.1, "30.0"), (1800.1, "+Inf")]
)
def test_a_duration_is_in_the_first_bucket_that_holds_it(seconds: float, le: str) -> None:
    """A bucket's upper end belongs to it, and the last has none."""
    assert Tally("video_processing_duration_seconds", ("dub",), le, seconds) == (
        PROCESSING_SECONDS.tally(seconds, "dub")
    )


def test_processing_is_told_apart_from_ten_seconds_to_half_an_hour() -> None:
    """The buckets that alerts and dashboards are made for."""
    assert (10.0, 1800.0) == (PROCESSING_SECONDS.buckets[0], PROCESSING_SECONDS.buckets[-1])


def test_a_label_that_is_missing_is_refused() -> None:
    """Else its row would be another metric's."""
    with pytest.raises(ValueError, match="gate_results has the labels"):
        GATE_RESULTS.tally(1, "every_line_has_a_take")


def test_every_metric_says_what_it_counts() -> None:
    """In a sentence."""
    assert [] == [metric.name for metric in METRICS.values() if not metric.says.endswith(".")]
