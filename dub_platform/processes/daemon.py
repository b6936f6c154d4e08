"""Dagster's daemon, at rest where there is nothing to do.

    python -m dub_platform.processes.daemon run -w workspace.yaml --log-format json

It is `dagster-daemon`, with its arguments. Sensors tick every few seconds, and Dagster logs each
tick that asked for nothing: what is worth a look drowned in these lines. They are for DEBUG here.
And every minute Dagster loads the code location anew, half of what its daemon does at rest, though
it watches the code server for a change all the time.
"""

from __future__ import annotations

import logging
import re

from dagster._daemon import controller
from dagster._daemon.cli import main

# A failure to load it is borne for 300 s after the last time that it was loaded.
SECONDS_BETWEEN_LOADS = 240
SENSORS = logging.getLogger("dagster.daemon.SensorDaemon")
_EMPTY = re.compile(r"Checking for new runs for sensor: |Sensor \w+ skipped: ")


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether a line of the sensors' daemon is written; one of an empty tick becomes DEBUG's."""
    if _EMPTY.match(record.getMessage()):
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return SENSORS.isEnabledFor(record.levelno)


if __name__ == "__main__":
    SENSORS.addFilter(is_worth_a_line)
    controller.RELOAD_WORKSPACE_INTERVAL = SECONDS_BETWEEN_LOADS
    main()
