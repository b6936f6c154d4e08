"""Copies: what a run has fetched from the store, each key once, for all of its steps.

    with open_copies(store, folders) as copies:
        copies.fetch("videos/ID/dubs/es/track-0a1b.m4a")
        copies.fetch_takes(takes)           # [(take, path), ...], several at a time

Only what never changes under its key is fetched so.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dub_platform.core.speech import Take
from resources.media.ffmpeg import Measured, measure
from resources.store.port import Store, copy_name
from resources.threads import ContextPool
from resources.workfolder import WorkFolders

# A take is small, so fetching it is mostly waiting for the store.
AT_ONCE = 16


@dataclass(frozen=True)
class Copies:
    """Fetches what the store keeps into `folder`. It can be asked from several threads."""

    store: Store
    folder: Path
    _turns: dict[str, threading.Lock] = field(default_factory=dict)
    _measured: dict[str, Measured] = field(default_factory=dict)

    def fetch(self, key: str) -> Path:
        """A local file with the content, never to be written to. Raises StorageError."""
        path = self.folder / copy_name(key)
        with self._turns.setdefault(key, threading.Lock()):
            # A file takes its name when it is whole.
            return path if path.exists() else self.store.fetch(key, self.folder)

    def measure(self, key: str) -> Measured:
        """Length and loudness of a sound, which are measured once. Raises MediaToolError."""
        path = self.fetch(key)
        with self._turns[key]:
            if key not in self._measured:
                self._measured[key] = measure(path)
            return self._measured[key]

    def fetch_takes(self, takes: Sequence[Take]) -> list[tuple[Take, Path]]:
        """The takes, each with its recording. Raises StorageError."""
        with ContextPool(AT_ONCE, thread_name_prefix="fetch") as pool:
            paths = pool.map(self.fetch, [take.audio_key for take in takes])
            return list(zip(takes, paths, strict=True))


@contextlib.contextmanager
def open_copies(store: Store, folders: WorkFolders) -> Iterator[Copies]:
    """Copies that go when the run ends, however it ends."""
    with folders.new("copies") as folder:
        yield Copies(store, folder)
