"""Copies: what a run has fetched from the store, each key once, for all of its steps.

    with Copies(store, folders) as copies:
        copies.fetch("videos/ID/dubs/es/track-0a1b.m4a")
        copies.fetch_takes(takes)           # [(take, path), ...], several at a time

Only what never changes under its key is fetched so.
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

# A take is small, so fetching it is mostly waiting for the store.
AT_ONCE = 16


class Copies(contextlib.AbstractContextManager["Copies"]):
    """Fetches what the store keeps into a folder that goes with the run, however that ends.

    It can be asked from several threads.
    """

    def __init__(self, store: Store, folders: WorkFolders) -> None:
        self._store = store
        self._folders = folders
        self._opened = contextlib.ExitStack()
        self._folder: Path | None = None
        self._folder_lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._measured: dict[str, Measured] = {}

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def folder(self) -> Path:
        """Where the copies are. Raises StorageFullError."""
        with self._folder_lock:
            # Made by the first step that wants it, which can say why it could not be.
            if self._folder is None:
                self._folder = self._opened.enter_context(self._folders.new("copies"))
            return self._folder

    def fetch(self, key: str) -> Path:
        """A local file with the content, never to be written to. Raises StorageError."""
        path = self.folder / copy_name(key)
        with self._turn(key):
            # A file takes its name when it is whole.
            return path if path.exists() else self._store.fetch(key, self.folder)

    def measure(self, key: str) -> Measured:
        """Length and loudness of a sound, which are measured once. Raises MediaToolError."""
        path = self.fetch(key)
        with self._turn(key):
            if key not in self._measured:
                self._measured[key] = measure(path)
            return self._measured[key]

    def fetch_takes(self, takes: Sequence[Take]) -> list[tuple[Take, Path]]:
        """The takes, each with its recording. Raises StorageError."""
        with ContextPool(AT_ONCE, thread_name_prefix="fetch") as pool:
            paths = pool.map(self.fetch, [take.audio_key for take in takes])
            return list(zip(takes, paths, strict=True))

    def _turn(self, key: str) -> threading.Lock:
        return self._turns.setdefault(key, threading.Lock())
