"""What a long measurement says while it runs: not where the line for machines is printed.

for clip in track(clips, "clips one by one", console=PROGRESS):
    ...
PROGRESS.print("killed the daemon")
"""

from __future__ import annotations

from rich.console import Console

PROGRESS = Console(stderr=True, highlight=False)
