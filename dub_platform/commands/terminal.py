"""Where commands write: what was asked for on standard output, and what is said of it beside."""

from __future__ import annotations

import sys

from rich.console import Console

_WIDE_COLUMNS = 240

# What is piped on is read by programs, and has no width that it must fit into.
console = Console(
    soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else _WIDE_COLUMNS
)
notes = Console(stderr=True, soft_wrap=True, highlight=False)
