"""Dagster's daemon; what it logs is tested in `tests/integration/test_platform.py`."""

from __future__ import annotations

import logging
import runpy
import threading

import pytest
from dagster._core.errors import DagsterCodeLocationNotFoundError
from dagster._daemon import cli, controller

from dub_platform.processes import daemon
from dub_platform.processes.daemon import DAEMON, SECONDS_BETWEEN_LOADS, SENSORS
from resources.system import memory


def test_code_is_loaded_anew_before_a_failure_to_is_the_end() -> None:
    """Dagster ends its daemon where the last time is longer ago; at least one more try fits."""
    tolerated = controller.DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE
    assert controller.RELOAD_WORKSPACE_INTERVAL < SECONDS_BETWEEN_LOADS
    assert SECONDS_BETWEEN_LOADS + controller.THREAD_CHECK_INTERVAL < tolerated


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_daemon_gives_back_what_it_has_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees to it before Dagster, which never returns, begins."""
    began: list[str] = []
    monkeypatch.setattr(controller, "RELOAD_WORKSPACE_INTERVAL", 60)
    monkeypatch.setattr(SENSORS, "filters", [])
    monkeypatch.setattr(DAEMON, "filters", [])
    monkeypatch.setattr(memory, "give_back_regularly", lambda: began.append("memory"))
    monkeypatch.setattr(cli, "main", lambda: began.append("Dagster"))
    runpy.run_module("dub_platform.processes.daemon", run_name="__main__")
    assert ["memory", "Dagster"] == began


def test_a_tick_that_the_end_cuts_off_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    logged_errors: list[str],
) -> None:
    """Before the end, a location that is not there is one."""
    monkeypatch.setattr(daemon, "_ENDING", threading.Event())
    monkeypatch.setattr(SENSORS, "filters", [daemon.is_worth_a_line])
    monkeypatch.setattr(DAEMON, "filters", [daemon.note_the_end])
    lost = DagsterCodeLocationNotFoundError("Location dub_platform does not exist in workspace")
    with caplog.at_level(logging.INFO):
        SENSORS.error("Sensor tick caught an error", exc_info=lost)
        DAEMON.info("Received interrupt, shutting down daemon threads...")
        SENSORS.error("Sensor tick caught an error", exc_info=lost)
        SENSORS.error("Sensor tick caught an error", exc_info=ValueError())
    assert ["ERROR", "INFO", "ERROR"] == [record.levelname for record in caplog.records]
    logged_errors.clear()
