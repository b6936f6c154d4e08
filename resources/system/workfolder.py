"""Work folders: a step writes there before it stores its result; they are deleted after the step.

    folders = WorkFolders(settings.spool_dir)
    with folders.new("mix") as folder:
        ...
    folders.sweep()         # removes what killed processes have left

A process locks the folder it works in, and the kernel unlocks it when the process dies, in whatever
way. So a folder without a lock is a leftover and can be deleted at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.system.disk import translating_full_disk

FOLDER_SUFFIX = ".work"
TURN_PREFIX = "turn-"
_AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB


@dataclass(frozen=True)
class WorkFolders:
    """Makes work folders below `root`, which must be on a local disk."""

    root: Path

    @contextlib.contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """Make an empty folder that is deleted after the block with all its content.

        Raises StorageFullError if there is no space for what is written into it.
        """
        with contextlib.ExitStack() as held, translating_full_disk(f"what the step {name} makes"):
            self.root.mkdir(parents=True, exist_ok=True)
            # The shared lock keeps a sweep from coming between these two lines, where it would
            # find a folder without a lock.
            with _lock(self.root, fcntl.LOCK_SH):
                made = tempfile.TemporaryDirectory(FOLDER_SUFFIX, f"{name}-", self.root)
                held.enter_context(_lock(Path(made.name), fcntl.LOCK_EX))
            with made as folder:
                yield Path(folder)

    def sweep(self, *, dry_run: bool = False) -> Mapping[str, int]:
        """Delete what dead processes have left; return the names with the bytes that this frees.

        A dry run deletes nothing.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with _lock(self.root, fcntl.LOCK_EX):
            return dict(self._sweep_each(dry_run))

    def _sweep_each(self, dry_run: bool) -> Iterator[tuple[str, int]]:
        for path in filter(_is_ours, self.root.iterdir()):
            # Lock it while deleting: another process may take a file lock at any moment.
            with contextlib.suppress(BlockingIOError, FileNotFoundError), _lock(path, _AT_ONCE):
                yield path.name, _bytes(path)
                if not dry_run:
                    _remove(path)


@contextlib.contextmanager
def _lock(path: Path, how: int) -> Iterator[None]:
    """Hold a lock on the path; with `_AT_ONCE` raises BlockingIOError if somebody else holds it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def _is_ours(path: Path) -> bool:
    """Whether it is a work folder, or a file lock (`resources/system/file_lock.py`)."""
    return path.suffix == FOLDER_SUFFIX or path.name.startswith(TURN_PREFIX)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _bytes(path: Path) -> int:
    found = [each.lstat() for each in (path, *path.rglob("*"))]
    # A file that the store links to as well stays, and frees nothing.
    return sum(each.st_size for each in found if each.st_nlink == 1)
