"""The store port: keeps artifacts and releases under keys.

    store = LocalStore(Path(".dub/store"), base_url="http://127.0.0.1:5001/media")
    store.put_file("releases/ID/es/track.m4a", path)
    store.url("releases/ID/es/track.m4a")

A key is a relative path of safe characters. Keys under `releases/` are public, all others are not.
A write is either complete or has not happened. The promises are tests in
`dub_platform/contracts/stores.py`; an engine of ours is held to them by adding it to
`tests/contracts/test_store.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Protocol

from dub_platform.core.errors import (
    ArtifactMissingError,
    StorageError,
)

PUBLIC = "releases/"
VIDEOS = "videos/"
# The only public name whose content changes: it names the current release.
POINTER = "current.json"
MEDIA_TYPES = {
    ".flac": "audio/flac",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt; charset=utf-8",
    ".wav": "audio/wav",
}
# Longer than a player needs between two parts of a film; too short to be worth passing on.
PRESIGNED_TTL = timedelta(hours=1)
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class StoredObject:
    """An object in a listing; `put_at` is an aware time of the server's clock."""

    key: str
    bytes: int
    put_at: datetime


@dataclass(frozen=True)
class IncompleteUpload:
    """An upload that was begun and not completed; `bytes` have arrived, the last at `grew_at`.

    `key` and `id` are the engine's own names for it.
    """

    key: str
    id: str
    bytes: int
    grew_at: datetime


class Store(Protocol):
    """Stores bytes under keys.

    Its methods raise ArtifactMissingError for a key that is not there.
    """

    def put_file(self, key: str, path: Path) -> None:
        """Store a copy of the file. Readers see the old content or the new one, never a mixture."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store the bytes; readers see the old content or the new one."""
        ...

    def get_bytes(self, key: str) -> bytes:
        """Return all bytes under the key; for small artifacts."""
        ...

    def read_dated(self, key: str) -> tuple[bytes, datetime]:
        """Return all bytes, and the time they were put: aware, of the server's clock."""
        ...

    def fetch(self, key: str, into: Path) -> Path:
        """Return a local file with the content, made in the folder `into`; never write to it."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        ...

    def size(self, key: str) -> int:
        """Return the object's size in bytes."""
        ...

    def checksum(self, key: str) -> str:
        """Return the SHA-256 of the object in hex, read from the first byte to the last."""
        ...

    @property
    def is_public(self) -> bool:
        """Whether everybody can read keys under `releases/` at their address, without asking the
        API."""
        ...

    def url(self, key: str) -> str:
        """Return the public address of a key under `releases/`."""
        ...

    def presigned_url(self, key: str) -> str | None:
        """Return an address that opens this key for PRESIGNED_TTL; None if the engine has none.

        It is not checked whether the object exists.
        """
        ...

    def keys(self, prefix: str) -> Iterator[StoredObject]:
        """Yield every object whose key begins with `prefix`, which is a folder, a name in one, or
        empty.

        Objects that are put or deleted meanwhile may be missing or not.
        """
        ...

    def delete(self, key: str) -> None:
        """Delete the object; nothing happens if there is none."""
        ...

    def incomplete_uploads(self, prefix: str) -> Iterator[IncompleteUpload]:
        """Yield the uploads below `prefix` that are under way or were left by a killed process."""
        ...

    def abort(self, write: IncompleteUpload) -> None:
        """Delete what has arrived of an upload; nothing happens if it has been completed."""
        ...

    def check(self) -> None:
        """Return if the store answers and accepts the settings. Raises StorageError."""
        ...


def checked_key(key: str) -> str:
    """Return `key` if it is valid: a relative path without `..`, of safe characters.

    Raises StorageError.
    """
    if not is_key(key):
        raise StorageError(f"{key[:80]!r} cannot be a key of the store: it is not a plain path.")
    return key


def checked_prefix(prefix: str) -> str:
    """Return `prefix` if keys can begin with it: it is empty, or names a folder.

    Raises StorageError.
    """
    if prefix and "/" not in prefix:
        raise StorageError(f"{prefix[:80]!r} names no folder of the store: videos/ does.")
    checked_key(f"{prefix}x")
    return prefix


def is_key(name: str) -> bool:
    """Whether this is a valid key."""
    return bool(_KEY.fullmatch(name))


def address(base_url: str, key: str) -> str:
    """Return the public address of a key. Raises StorageError for a key that is not public."""
    if not key.startswith(PUBLIC):
        raise StorageError(f"{key} is not public: only keys under {PUBLIC} have an address.")
    return f"{base_url}/{checked_key(key)}"


def media_type(key: str) -> str:
    """Return the media type of a key, by its suffix."""
    return MEDIA_TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")


def cache_control(key: str) -> str:
    """Return the Cache-Control of a key: releases are immutable, because each has keys of its
    own."""
    if not key.startswith(PUBLIC):
        return "no-store"
    return "no-cache" if key.endswith(f"/{POINTER}") else "public, max-age=31536000, immutable"


def copy_name(key: str) -> str:
    """Return the file name of the local copy of a key."""
    # Keys contain no plus, so two keys never get the same name.
    return key.replace("/", "+")


def missing(key: str) -> ArtifactMissingError:
    """Make the error for a key that is not there."""
    return ArtifactMissingError(
        f"The artifact {key} is not in the store. Materialize the asset that makes it, "
        "and what comes after it."
    )
