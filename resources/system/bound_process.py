"""Becomes another program that the kernel signals as soon as the process PARENT is gone.

    $ python -I -S bound_process.py PARENT SIGNAL MEMORY CPU FILE /usr/bin/ffmpeg -i clip.mp4

Linux keeps this request through exec, so the program has the process id, the pipes and the exit
status that its starter expects. The three limits are 0 for none. It is started by
`resources.system.programs.tie_to_parent`.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, number: str, memory: str, cpu: str, file: str, *command: str) -> None:
    """Set the limits and become the program; never returns. Raises OSError if it cannot be run."""
    end_with(int(parent), int(number))
    _limit(resource.RLIMIT_AS, int(memory))
    _limit(resource.RLIMIT_CPU, int(cpu))
    _limit(resource.RLIMIT_FSIZE, int(file))
    _reset_signals(signal.SIGPIPE, signal.SIGXFSZ)
    os.execv(command[0], command)  # noqa: S606 - no shell reads it


def _limit(what: int, most: int) -> None:
    """Set a limit, unless there is a lower one already."""
    before, _ = resource.getrlimit(what)
    if most and not 0 <= before < most:  # RLIM_INFINITY is -1
        resource.setrlimit(what, (most, most))


def end_with(parent: int, number: int) -> None:
    """Have the kernel send this process the signal when the thread that started it is gone.

    Exits if that has happened already.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit("The process that wanted this one is gone.")


def _reset_signals(*numbers: int) -> None:
    """Reset signals that Python ignores: ignored signals stay ignored through exec."""
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    main(*sys.argv[1:])
