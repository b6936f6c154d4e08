"""A short storm: every kind of server is killed while videos are handed in, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos import survive
from tests.support.patience import HANG_SECONDS


@pytest.mark.long
def test_nothing_is_lost_and_nothing_paid_twice(tmp_path: Path) -> None:
    """The last blow is a reboot of everything; nobody helps afterwards."""
    outcome = survive(tmp_path, videos=4, seconds=15.0, seed=11, patience=HANG_SECONDS)
    assert 4 == outcome.videos
    assert 4 == outcome.released + outcome.failed_with_a_reason
    assert (0, 0, 0) == (outcome.lost, outcome.paid_twice, outcome.partial_objects)
    assert (0, 0) == (outcome.disagreements, outcome.runs_left)
    assert outcome.kills > 1
