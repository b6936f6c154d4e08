"""How long a test waits: far longer than anything takes that does not hang, on any machine.

    wait_until(lambda: not spool.exists())
    httpx.get(url, timeout=HANG_SECONDS)

How fast something is, a test says as a ratio to something else that it did, or as a count.
"""

from __future__ import annotations

import time
from collections.abc import Callable

HANG_SECONDS = 900.0


def wait_until(holds: Callable[[], object], *, pause: float = 0.02) -> None:
    """Return as soon as something holds. Raises AssertionError when it still does not."""
    deadline = time.monotonic() + HANG_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"It does not hold after {HANG_SECONDS:g} s."
        time.sleep(pause)


def plenty_for(work: Callable[[], object]) -> float:
    """Seconds that the same work never takes again: many times what it took just now.

    For a limit that what hangs is to reach soon, and what works not at all.
    """
    began = time.monotonic()
    work()
    return 1.0 + 10 * (time.monotonic() - began)
