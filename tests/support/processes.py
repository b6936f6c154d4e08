"""What a test asks about processes that it did not wait for itself."""

from __future__ import annotations

from pathlib import Path

from tests.support.patience import wait_until


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_gone(*pids: int) -> bool:
    """True as soon as all the processes have ended. Raises AssertionError if they hang."""
    wait_until(lambda: not any(map(alive, pids)))
    return True
