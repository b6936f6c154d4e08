"""What the benchmarks' commands share: they end their servers with them, and say where they are.

for clip in track(clips, "clips one by one", console=PROGRESS):
    ...
PROGRESS.print("killed the daemon")
"""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console

# Not where the table for people and the line for machines are printed.
PROGRESS = Console(stderr=True, highlight=False)
# What a shell says of a command that was stopped with Ctrl-C.
STOPPED = 130


def run(main: Callable[[], int]) -> NoReturn:
    """Call it and exit with what it answers; whoever stops it sooner stops its servers too.

    Ctrl-C is heard also where a shell has it ignored, and SIGTERM is the same. Nothing is logged:
    what a benchmark has to say is its table.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        PROGRESS.print("Stopped.")
        sys.exit(STOPPED)
