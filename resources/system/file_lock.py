"""Turns: one at a time, among all threads and processes of this machine.

    with turn(folder / "0a1b"):
        ...     # nobody else is here under the same path

The system gives the turn on when a process dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for the turn that `path` names, and hold it. The file is gone when nobody has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> IO[bytes]:
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(file, path):
            return file
        # Who had the turn before has removed the file: others queue at a new one by now.
        file.close()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
