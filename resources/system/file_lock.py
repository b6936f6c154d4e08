"""A lock among all threads and processes of this machine, held through a file.

    with hold_lock(folder / "0a1b"):
        ...     # nobody else is here with the same path

The kernel releases the lock when the process dies, in whatever way.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Wait for the lock that `path` names, and hold it within the block; then delete the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open_locked(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _open_locked(path: Path) -> IO[bytes]:
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(file, path):
            return file
        # The former holder has deleted this file, and others may lock a new one: start again.
        file.close()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
