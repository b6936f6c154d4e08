"""Dagster's daemon, with less work and fewer log lines while there is nothing to do.

    python -m dub_platform.processes.daemon run -w workspace.yaml --log-format json

It takes the arguments of `dagster-daemon`. Sensors tick every few seconds, and Dagster logs each
tick without result; among these lines nobody finds the important ones, so here they need DEBUG.
Dagster also reloads the code location every minute, which is half of the daemon's work at rest,
although it watches the code server for changes anyway; here it reloads less often. A tick that
goes on when the daemon ends loses its code location: it is made again by the next daemon, so that
is no error.
"""

from __future__ import annotations

import logging
import re
import threading

from dagster._core.errors import DagsterCodeLocationNotFoundError
from dagster._daemon import controller
from dagster._daemon.cli import main

from resources.system.memory import give_back_regularly

# Less than the 300 s for which Dagster keeps a location whose reload fails.
SECONDS_BETWEEN_LOADS = 240
DAEMON = logging.getLogger("dagster.daemon")
SENSORS = logging.getLogger("dagster.daemon.SensorDaemon")
_ENDING = threading.Event()
_ENDS = "shutting down daemon threads"
_EMPTY = re.compile(r"Checking for new runs for sensor: |Sensor \w+ skipped: ")


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether to write a line of the sensor daemon; lines of empty ticks become DEBUG."""
    error = record.exc_info[1] if record.exc_info else None
    if _ENDING.is_set() and isinstance(error, DagsterCodeLocationNotFoundError):
        record.levelno, record.levelname, record.exc_info = logging.DEBUG, "DEBUG", None
    if _EMPTY.match(record.getMessage()):
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return SENSORS.isEnabledFor(record.levelno)


def note_the_end(record: logging.LogRecord) -> bool:
    """Note that the daemon says that it ends; every line is written."""
    if _ENDS in record.getMessage().lower():
        _ENDING.set()
    return True


if __name__ == "__main__":
    DAEMON.addFilter(note_the_end)
    SENSORS.addFilter(is_worth_a_line)
    controller.RELOAD_WORKSPACE_INTERVAL = SECONDS_BETWEEN_LOADS
    give_back_regularly()
    main()
