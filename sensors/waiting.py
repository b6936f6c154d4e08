"""Lets a sensor wait for work within a tick.

A tick costs Dagster's daemon and the code server far more than a query of the registry, because
both set up their storage for each tick. So a tick without work queries again and again for a while.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

# Less than half of Dagster's time limit for a tick (60 s by default), and not so long that somebody
# who turned the sensor off wonders why it still works.
_GIVEN = float(os.environ.get("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "60"))
WAIT_SECONDS = min(0.4 * _GIVEN, 60.0)
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], *, pause_seconds: float) -> Found:
    """Call `look` until it returns something or the tick's time is over; return its last result.

    It also ends with the process, because a server that stops waits for its ticks.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := look()) and time.monotonic() < deadline and _is_serving():
        time.sleep(pause_seconds)
    return found


def _is_serving() -> bool:
    return threading.main_thread().is_alive()
