"""What many tests begin with, made once and not by each worker.

once = Once(tmp_path_factory)
folder = once("clip", make_clip)        # make_clip(folder) fills it, if nobody has yet
copy_made(path, [seconds], encode)      # encode(file) makes it, if this process has not yet
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Once:
    """Folders that the workers of a run of the tests share. Nobody changes what is in them."""

    factory: pytest.TempPathFactory

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of this name, as whichever worker came first has made it."""
        folder = self._find_folder() / "made-once" / name
        folder.parent.mkdir(exist_ok=True)
        with (folder.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = self.factory.mktemp(name)
                make(making)
                making.rename(folder)
        return folder

    def _find_folder(self) -> Path:
        own = self.factory.getbasetemp()
        return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def copy_made(path: Path, recipe: Iterable[object], make: Callable[[Path], object]) -> Path:
    """Write the file as a copy of what was made by the same recipe for a file of its kind."""
    name = hashlib.sha256(repr([path.suffix, *recipe]).encode()).hexdigest()
    kept = _find_kept() / f"{name}{path.suffix}"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as making:
            make(Path(making) / kept.name)
            Path(making, kept.name).rename(kept)
    shutil.copyfile(kept, path)
    return path


@functools.cache
def _find_kept() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dub-made-"))
    atexit.register(shutil.rmtree, folder)
    return folder
