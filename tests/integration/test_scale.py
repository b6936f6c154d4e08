"""The benchmark of the catalogue's size, on a small one: it measures what it says it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.scale import as_json, measured
from sensors import intake


def test_the_catalogue_is_measured_at_each_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real servers answer at both sizes, and every figure is there."""
    monkeypatch.setattr(intake, "WAIT_SECONDS", 0.0)
    small, large = measured([300, 100], tmp_path, daemon_seconds=8.0)
    assert (100, 300) == (small.videos, large.videos)
    figures = [large.tick_videos_s, large.tick_backlog_s, large.page_ms, large.requested_s]
    assert all(figure > 0 for figure in figures)
    assert large.daemon_mb > 50
    assert {"tick_s_100k", "page_ms_100k"} == set(json.loads(as_json(large)))
