"""How the sensors wait for work within a tick.

A tick costs Dagster's daemon and the code server far more than a look at the registry does: both
make storages and rows of their own for each. So a tick with nothing to do looks again and again
before it says so.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

# Less than half of what Dagster's daemon gives a tick, 60 s where nobody says otherwise; and no
# longer than a person would wait who has turned the sensor off.
_GIVEN = float(os.environ.get("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "60"))
WAIT_SECONDS = min(0.4 * _GIVEN, 60.0)
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], *, pause_seconds: float) -> Found:
    """Look until something is found or the tick's time is over; return what was found last.

    It ends with the process as well: a server that is told to end waits for its ticks.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := look()) and time.monotonic() < deadline and _is_serving():
        time.sleep(pause_seconds)
    return found


def _is_serving() -> bool:
    return threading.main_thread().is_alive()
