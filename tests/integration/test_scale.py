"""The benchmark of the catalogue's size, on a small one: it measures what it says it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.scale import as_json, measure_scale
from sensors import waiting


@pytest.mark.long
def test_a_catalogue_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real servers answer, and every figure is there."""
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.0)
    (cost,) = measure_scale([300], tmp_path, daemon_seconds=5.0)
    assert 300 == cost.videos
    figures = [
        cost.tick_videos_s,
        cost.tick_backlog_s,
        cost.page_ms,
        cost.metrics_ms,
        cost.metrics_backlog_ms,
        cost.requested_s,
    ]
    assert all(figure > 0 for figure in figures)
    assert cost.daemon_mb > 50
    assert {"tick_s_100k", "page_ms_100k", "metrics_ms_100k"} == set(json.loads(as_json(cost)))
