"""Work folders: where a step writes before the store has it, gone when the step ends.

with WorkFolders(settings.spool_dir).new("mix") as folder:
    ...
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkFolders:
    """Makes work folders below `root`."""

    root: Path

    @contextlib.contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """An empty folder that is removed with all in it, whatever happens inside."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self.root) as folder:
            yield Path(folder)
