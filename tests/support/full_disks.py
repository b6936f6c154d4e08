"""Disks that are full, for whoever may not mount one.

with no_file_beyond(100_000):        # bytes; this process, and those it starts meanwhile
    ...
on_a_full_disk(folder / "out.flac")  # a name whose every write fails with ENOSPC
"""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """A write beyond so many bytes of a file fails as on a full disk, and then works again."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python before 3.13.2 would leave half of a module's bytecode and believe it ever after.
    with mock.patch.object(sys, "dont_write_bytecode", True):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def on_a_full_disk(path: Path) -> Path:
    """The path, as a name of the kernel's own full disk."""
    path.symlink_to("/dev/full")
    return path
