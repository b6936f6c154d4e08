"""Memory that a process has freed, given back to the system.

    give_back_memory()              # when a piece of work has ended
    give_back_regularly()           # in a server, for as long as it lives

glibc shrinks a heap by itself only at its end, and each thread has a heap of its own: one small
object above a video's samples keeps all of them. A process that dubs grew with every video that
way, though it held nothing. Other C libraries keep less, and have no such call.
"""

from __future__ import annotations

import ctypes
import gc
import threading

_THREAD = "memory"


def give_back_memory() -> None:
    """Collect garbage, then have malloc return what is free, wherever in its heaps that is."""
    gc.collect()
    _trim()


def give_back_regularly(seconds: float = 60.0) -> None:
    """Start a thread that has malloc return what is free, unless this process has one.

    It leaves garbage to Python: to look for it would cost a process at rest more than its work.
    """
    if not any(thread.name == _THREAD for thread in threading.enumerate()):
        threading.Thread(target=_keep_trimming, args=(seconds,), name=_THREAD, daemon=True).start()


def _keep_trimming(seconds: float) -> None:
    waiting = threading.Event()
    while not waiting.wait(seconds):
        _trim()


def _trim() -> None:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
