"""While a step works, its run holds the lease of the video or dub: nobody else writes there.

    with hold_lease(registry, target, run_id):
        ...

A thread renews the lease. A process that cannot, because the registry is out of reach or another
run has taken over, ends itself before the lease does: whoever comes next finds nobody at work.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import structlog

from assets.partitions import Target
from dub_platform.registry import WorkQueue
from dub_platform.registry.transactions.leases import LEASE_LASTS, make_superseded_error

# Three renewals may fail before the process gives up.
RENEW_SECONDS = 4.0
# What is left of the lease when the process gives up: enough to be gone before it ends.
MARGIN_SECONDS = 4.0
# A run that ended a moment ago leaves its lease to run out.
PATIENCE_SECONDS = LEASE_LASTS.total_seconds() + 5
PAUSE_SECONDS = 0.5
_log = structlog.get_logger(__name__)


def end_process() -> None:
    """Stop at once, whatever is under way: its writes would come after another run's."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def hold_lease(
    registry: WorkQueue, target: Target, run_id: str, on_lost: Callable[[], None] = end_process
) -> Iterator[None]:
    """Hold the lease for as long as the block lasts. Raises RunSupersededError."""

    def take() -> bool:
        return registry.hold(*target, run_id, now=datetime.now(timezone.utc))

    _await_turn(take, target)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(take, done, on_lost), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
        registry.let_go(*target, run_id)


def _await_turn(take: Callable[[], bool], target: Target) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not take():
        if time.monotonic() > deadline:
            raise make_superseded_error(*target)
        time.sleep(PAUSE_SECONDS)


def _keep(take: Callable[[], bool], done: threading.Event, on_lost: Callable[[], None]) -> None:
    lasts = LEASE_LASTS.total_seconds() - MARGIN_SECONDS
    ends = time.monotonic() + lasts
    while not done.wait(RENEW_SECONDS):
        began = time.monotonic()
        try:
            taken = take()
        except Exception as error:  # noqa: BLE001 - the registry may be back before the lease ends
            _log.warning("the lease could not be renewed yet", error=repr(error))
            taken = began < ends
        else:
            ends = began + lasts
        if not taken:
            _log.critical("the lease is lost, so this process ends")
            on_lost()
            return
