"""Starts programs that end no later than the process that started them.

subprocess.run(tie_to_parent(helper(Path("probe_process.py"), "clip.mp4")))
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

_BOUND = Path(__file__).with_name("bound_process.py")


def patience(seconds: float) -> float:
    """Return how many seconds to wait for a program with `seconds` of work on an idle machine.

    Only a program that hangs takes so long: a busy machine may be a hundred times slower.
    """
    return 600 + 100 * seconds


@dataclass(frozen=True)
class Limits:
    """What one process may use; 0 means no limit.

    `memory_bytes` is address space, `cpu_seconds` counts all cores together, `file_bytes` is for
    each file written. The kernel ends a process over the limits with SIGXCPU or SIGXFSZ, and
    refuses memory.
    """

    memory_bytes: int = 0
    cpu_seconds: int = 0
    file_bytes: int = 0


def helper(program: Path, *arguments: str) -> list[str]:
    """Return the command of one of our own programs, isolated from this machine's Python settings.

    It writes no bytecode: on a full disk, Python before 3.13.2 leaves half a file and then uses it.
    """
    return [sys.executable, "-I", "-B", str(program), *arguments]


def tie_to_parent(
    command: Sequence[str], end: signal.Signals = signal.SIGKILL, *, limits: Limits = Limits()
) -> list[str]:
    """Return the command, changed so that its process gets the signal `end` when the starting
    thread ends.

    A killed process cannot end what it started, and its replacement must not find that still
    working. The kernel watches the thread, so start the program in the thread that waits for it.
    Programs that it starts itself are not tied. `command` begins with a path.
    """
    if sys.platform != "linux":
        return list(command)  # Other kernels cannot; there a closed pipe ends the program.
    # A launcher program asks the kernel, not code between fork and exec, where Python may wait for
    # ever for a lock that another thread held at the fork.
    return [
        sys.executable,
        "-I",
        "-S",
        "-B",
        str(_BOUND),
        str(os.getpid()),
        str(int(end)),
        *map(str, astuple(limits)),
        *command,
    ]
