"""What is told of a load is what the load generator counted."""

from __future__ import annotations

import json
from dataclasses import replace

from benchmarks.load import as_json, read_load

POLLS = {
    "name": "poll",
    "num_requests": 98,
    "num_failures": 0,
    "response_times": {"3": 90, "20": 8},
}
RANGES = {"name": "range", "num_requests": 2, "num_failures": 1, "response_times": {"400": 2}}


def test_a_percentile_is_over_the_requests_of_all_kinds() -> None:
    """The 95th of a hundred is the fifth of the eight slow polls."""
    load = read_load([POLLS, RANGES], 50, 10, 80.0)
    assert (3.0, 20.0, 400.0) == (load.p50_ms, load.p95_ms, load.p99_ms)


def test_a_load_tells_its_rate_its_failures_and_its_slowest_kind() -> None:
    """A hundred requests in ten seconds, of which one failed."""
    load = read_load([POLLS, RANGES], 50, 10, 80.0)
    assert (10.0, 0.01, "range") == (load.rps, load.error_rate, load.slowest)


def test_the_line_for_machines_has_a_ratio_and_the_largest_crowd() -> None:
    """A busy machine slows what is compared alike."""
    few = read_load([POLLS], 50, 10, 80.0)
    many = replace(few, users=500, p95_ms=480.0, failed=0)
    line = json.loads(as_json([few, many], replace(few, rps=500.0), replace(few, rps=4000.0)))
    assert (480, 0.0, 0.125) == (line["p95_ms_500"], line["error_rate_500"], line["rps_ratio"])
