"""Local copies of what a run reads from the store: each key is fetched once for all steps.

    with Copies(store, folders) as copies:
        copies.fetch("videos/ID/dubs/es/track-0a1b.m4a")
        copies.fetch_takes(takes)           # [(take, path), ...], several at a time

Use it only for keys whose content never changes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from dub_platform.core.speech import Take
from resources.media.ffmpeg import Measured, measure
from resources.store.port import Store, copy_name
from resources.system.threads import ContextPool
from resources.system.workfolder import WorkFolders

# Takes are small: fetching one is mostly waiting for the store, so many are fetched at once.
AT_ONCE = 16


class Copies(contextlib.AbstractContextManager["Copies"]):
    """Fetches objects into a folder that is deleted at the end of the run, however the run ends.

    Its methods may be called from several threads.
    """

    def __init__(self, store: Store, folders: WorkFolders) -> None:
        self._store = store
        self._folders = folders
        self._opened = contextlib.ExitStack()
        self._folder: Path | None = None
        self._folder_lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._measurements: dict[str, Measured] = {}

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def folder(self) -> Path:
        """The folder of the copies. Raises StorageFullError."""
        with self._folder_lock:
            # Made by the first step that needs it: there a full disk fails with a clear error.
            if self._folder is None:
                self._folder = self._opened.enter_context(self._folders.new("copies"))
            return self._folder

    def fetch(self, key: str) -> Path:
        """Return a local file with the object's content; never write to it. Raises StorageError."""
        path = self.folder / copy_name(key)
        with self._lock_of(key):
            # The store renames a file only when it is complete, so an existing one is whole.
            return path if path.exists() else self._store.fetch(key, self.folder)

    def measure(self, key: str) -> Measured:
        """Measure length and loudness of a sound, once for each key. Raises MediaToolError."""
        path = self.fetch(key)
        with self._lock_of(key):
            if key not in self._measurements:
                self._measurements[key] = measure(path)
            return self._measurements[key]

    def fetch_takes(self, takes: Sequence[Take]) -> list[tuple[Take, Path]]:
        """Return each take with the path of its recording. Raises StorageError."""
        with ContextPool(AT_ONCE, thread_name_prefix="fetch") as pool:
            paths = pool.map(self.fetch, [take.audio_key for take in takes])
            return list(zip(takes, paths, strict=True))

    def _lock_of(self, key: str) -> threading.Lock:
        return self._locks.setdefault(key, threading.Lock())
