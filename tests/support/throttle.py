"""A machine that is busy with something else: processes that are held to a share of one core.

    with hold_to(0.1, lambda: psutil.Process(pid)):
        ...                             # it and all that it starts get a tenth of a core together

They are stopped as soon as they have had their share of the time that has passed, and go on when
they have not. It needs no right that a user lacks, and it is exact over seconds.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

import psutil

SLICE_SECONDS = 0.05


@contextlib.contextmanager
def hold_to(share: float, root: psutil.Process) -> Iterator[None]:
    """Hold the process and what it starts to so many seconds of processor time a second."""
    over = threading.Event()
    holder = threading.Thread(target=_hold, args=(share, root, over), daemon=True)
    holder.start()
    try:
        yield
    finally:
        over.set()
        holder.join()
        _signal(root, signal.SIGCONT)


def _hold(share: float, root: psutil.Process, over: threading.Event) -> None:
    began, before = time.monotonic(), _read_used(root)
    while not over.wait(SLICE_SECONDS):
        due = (time.monotonic() - began) * share
        _signal(root, signal.SIGSTOP if _read_used(root) - before > due else signal.SIGCONT)


def _read_used(root: psutil.Process) -> float:
    """Return the seconds of processor time of these processes, those that have ended too: their
    parents count them."""
    seconds = 0.0
    for process in _tree(root):
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds


def _signal(root: psutil.Process, number: signal.Signals) -> None:
    for process in _tree(root):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _tree(root: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [root, *root.children(recursive=True)]
    return []
