"""Programs that are started here, and end no later than who started them.

subprocess.run(bound(helper(Path("probe_process.py"), "clip.mp4")))
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
    """How long to wait for a program with `seconds` of work on a quiet machine, in seconds.

    Only a program that hangs takes so long: a busy machine may be a hundred times slower.
    """
    return 600 + 100 * seconds


@dataclass(frozen=True)
class Limits:
    """What one process may use, 0 for as much as there is; the kernel ends one that wants more.

    `memory_bytes` of address space, `cpu_seconds` on all cores together, `file_bytes` for each
    file that it writes. SIGXCPU and SIGXFSZ tell which it was; memory is refused.
    """

    memory_bytes: int = 0
    cpu_seconds: int = 0
    file_bytes: int = 0


def helper(program: Path, *arguments: str) -> list[str]:
    """The command of one of our own programs, which knows nothing of this machine's settings.

    It writes no bytecode: on a full disk, Python before 3.13.2 leaves half a module there and
    believes it ever after.
    """
    return [sys.executable, "-I", "-B", str(program), *arguments]


def bound(
    command: Sequence[str], end: signal.Signals = signal.SIGKILL, *, limits: Limits = Limits()
) -> list[str]:
    """The command, whose process gets the signal `end` when the thread that starts it is gone.

    A process that is killed cannot end what it started, and the run that takes its place must
    find nobody at its work. The kernel can, and its word is about the thread: start it where it
    is waited for. What this program starts in turn is not bound. `command` begins with a path.
    """
    if sys.platform != "linux":
        return list(command)  # No other kernel can; what it reads or writes ends it there.
    # Asked for by a launcher, and not between fork and exec: there, Python may wait for ever for
    # a lock of a thread that the fork left behind.
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
