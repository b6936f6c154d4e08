"""A model that is kept in memory for all runs of a process, and let go of when nobody asks it.

    models = WarmModel(read_model)
    with models.lend("base", "cpu", idle_seconds=600) as model:     # loaded, or the one from before
        model.listen(sound)

One model is kept at a time, the last that was asked for. Who holds another one still has it.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class WarmModel(Generic[T]):
    """Loads a model at its first use, once for all threads, and drops it after a while of none."""

    def __init__(self, load: Callable[..., T]) -> None:
        self._load = load
        # Two threads that ask at once would otherwise load it twice.
        self._lock = threading.Lock()
        self._kept: tuple[tuple[Hashable, ...], T] | None = None
        self._users = 0
        self._idle: threading.Timer | None = None

    @property
    def is_loaded(self) -> bool:
        return self._kept is not None

    @contextmanager
    def lend(self, *which: Hashable, idle_seconds: float = math.inf) -> Iterator[T]:
        """The model that `load` makes of these arguments. Raises what `load` does."""
        model = self._take(which)
        try:
            yield model
        finally:
            self._return(idle_seconds)

    def _take(self, which: tuple[Hashable, ...]) -> T:
        with self._lock:
            if self._idle:
                self._idle.cancel()
                self._idle = None
            if self._kept is None or self._kept[0] != which:
                # The memory of the one before is free by the time that the next one wants it.
                self._kept = None
                self._kept = which, self._load(*which)
            self._users += 1
            return self._kept[1]

    def _return(self, idle_seconds: float) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and idle_seconds < math.inf:
                self._idle = threading.Timer(idle_seconds, self._drop_if_idle)
                self._idle.daemon = True
                self._idle.start()

    def _drop_if_idle(self) -> None:
        with self._lock:
            # Who took it while this waited for the lock has put another timer, or none, here.
            if threading.current_thread() is self._idle:
                self._kept = self._idle = None
                _give_memory_back()


def _give_memory_back() -> None:
    # glibc keeps what is freed for the process, which may want nothing for hours.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
