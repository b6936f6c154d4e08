"""What holds for every test."""

from __future__ import annotations

import signal

# A shell without job control starts what it puts in the background with SIGINT ignored. Dagster
# handles SIGTERM as it does SIGINT, so neither it nor a process it starts could be told to end.
signal.signal(signal.SIGINT, signal.default_int_handler)
