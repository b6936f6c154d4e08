"""Work folders: where a step writes before the store has it, gone when the step ends.

    folders = WorkFolders(settings.spool_dir)
    with folders.new("mix") as folder:
        ...
    folders.sweep()         # removes what killed processes have left

A process locks the folder it works in, and the system unlocks it when the process dies, however
it dies. So what nobody holds is a leftover, and can go at once.
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

from resources.system.disk import full_disk_named

FOLDER_SUFFIX = ".work"
TURN_PREFIX = "turn-"
_AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB


@dataclass(frozen=True)
class WorkFolders:
    """Makes work folders below `root`, which is on a disk of this machine."""

    root: Path

    @contextlib.contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """An empty folder that is removed with all in it, whatever happens inside.

        Raises StorageFullError when what is written there finds no space.
        """
        with contextlib.ExitStack() as held, full_disk_named(f"what the step {name} makes"):
            self.root.mkdir(parents=True, exist_ok=True)
            # A sweep that came between the two would find a folder that nobody holds.
            with _locked(self.root, fcntl.LOCK_SH):
                made = tempfile.TemporaryDirectory(FOLDER_SUFFIX, f"{name}-", self.root)
                held.enter_context(_locked(Path(made.name), fcntl.LOCK_EX))
            with made as folder:
                yield Path(folder)

    def sweep(self, *, dry_run: bool = False) -> Mapping[str, int]:
        """Remove what dead processes left; the names of it, with the bytes that are free then.

        A dry run removes nothing.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with _locked(self.root, fcntl.LOCK_EX):
            return dict(self._swept(dry_run))

    def _swept(self, dry_run: bool) -> Iterator[tuple[str, int]]:
        for path in filter(_is_ours, self.root.iterdir()):
            # Held while it is removed: a turn can be taken at any moment.
            with contextlib.suppress(BlockingIOError, FileNotFoundError), _locked(path, _AT_ONCE):
                yield path.name, _bytes(path)
                if not dry_run:
                    _remove(path)


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    """Raises BlockingIOError for `_AT_ONCE` where somebody else holds it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def _is_ours(path: Path) -> bool:
    """Whether it is a work folder, or a turn (`resources/system/file_lock.py`)."""
    return path.suffix == FOLDER_SUFFIX or path.name.startswith(TURN_PREFIX)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _bytes(path: Path) -> int:
    found = [each.lstat() for each in (path, *path.rglob("*"))]
    # What the store keeps too, by another name, stays.
    return sum(each.st_size for each in found if each.st_nlink == 1)
