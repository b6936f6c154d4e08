"""Dagster's daemon; what it logs is tested in `tests/integration/test_platform.py`."""

from __future__ import annotations

from dagster._daemon import controller

from dub_platform.processes.daemon import SECONDS_BETWEEN_LOADS


def test_code_is_loaded_anew_before_a_failure_to_is_the_end() -> None:
    """Dagster ends its daemon where the last time is longer ago; at least one more try fits."""
    tolerated = controller.DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE
    assert controller.RELOAD_WORKSPACE_INTERVAL < SECONDS_BETWEEN_LOADS
    assert SECONDS_BETWEEN_LOADS + controller.THREAD_CHECK_INTERVAL < tolerated
