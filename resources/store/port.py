"""The store: where artifacts and releases are kept, by key.

    store = LocalStore(Path(".dub/store"), base_url="http://127.0.0.1:5001/media")
    store.put_file("releases/ID/es/track.m4a", path)
    store.url("releases/ID/es/track.m4a")

A key is a relative path of safe characters. What lies under `releases/` is public; nothing
else is. A write is whole or not there at all. The next engine is tested by adding it to
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
# The one name under which public content changes: it says which release is current.
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
# Longer than a player takes to ask for the next part of a film, and not for passing on.
LENT_FOR = timedelta(hours=1)
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class Kept:
    """What a listing tells of a key; `put_at` is aware, and the server's own time."""

    key: str
    bytes: int
    put_at: datetime


@dataclass(frozen=True)
class Unfinished:
    """A write that was begun and has not ended; `bytes` of it are there, the last since `grew_at`.

    `key` and `id` are the engine's own names for it.
    """

    key: str
    id: str
    bytes: int
    grew_at: datetime


class Store(Protocol):
    """Keeps bytes under keys. Raises ArtifactMissingError for a key that is not there."""

    def put_file(self, key: str, path: Path) -> None:
        """Keep a copy of the file. A reader sees the old content or the new, never a part."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Keep the bytes, as whole as `put_file` does."""
        ...

    def get_bytes(self, key: str) -> bytes:
        """All bytes under the key; for small artifacts."""
        ...

    def read_dated(self, key: str) -> tuple[bytes, datetime]:
        """The same, and when they were put: aware, and the server's own time."""
        ...

    def fetch(self, key: str, into: Path) -> Path:
        """A local file with the content, made in the folder `into`; never to be written to."""
        ...

    def exists(self, key: str) -> bool:
        """Whether something is kept under the key."""
        ...

    def size(self, key: str) -> int:
        """How many bytes are kept under the key."""
        ...

    def checksum(self, key: str) -> str:
        """The sha256 (64 hex digits) of what is kept, read anew from the first byte to the last."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether anybody can have what lies under `releases/` at its address, asking nobody."""
        ...

    def url(self, key: str) -> str:
        """The public address of a key under `releases/`."""
        ...

    def lend(self, key: str) -> str | None:
        """An address that opens this key for LENT_FOR to whoever has it; None where there is none.

        Whether something is kept there is not asked.
        """
        ...

    def keys(self, prefix: str) -> Iterator[Kept]:
        """Every key that begins with `prefix`: a folder, a name in one, or nothing for all.

        What is put or deleted meanwhile may be told or not.
        """
        ...

    def delete(self, key: str) -> None:
        """Keep nothing under the key any more; nothing happens where nothing is."""
        ...

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Writes below `prefix` under way, and those that a process left when it was killed."""
        ...

    def give_up(self, write: Unfinished) -> None:
        """Remove what is there of a write; nothing happens where it has ended."""
        ...

    def check(self) -> None:
        """Return if the store answers and takes these settings. Raises StorageError."""
        ...


def checked_key(key: str) -> str:
    """`key` if it can be one: no absolute path, no '..', no characters a file system minds."""
    if not is_key(key):
        raise StorageError(f"{key[:80]!r} cannot be a key of the store: it is not a plain path.")
    return key


def checked_prefix(prefix: str) -> str:
    """`prefix` if keys can begin with it: nothing, or a folder at least."""
    if prefix and "/" not in prefix:
        raise StorageError(f"{prefix[:80]!r} names no folder of the store: videos/ does.")
    checked_key(f"{prefix}x")
    return prefix


def is_key(name: str) -> bool:
    """Whether a store could have put something under this name."""
    return bool(_KEY.fullmatch(name))


def address(base_url: str, key: str) -> str:
    """Where viewers find a public key. Raises StorageError for one that is not."""
    if not key.startswith(PUBLIC):
        raise StorageError(f"{key} is not public: only keys under {PUBLIC} have an address.")
    return f"{base_url}/{checked_key(key)}"


def media_type(key: str) -> str:
    """What a key holds, as HTTP says it."""
    return MEDIA_TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")


def cache_control(key: str) -> str:
    """How long viewers and caches may keep it: a release's address never changes its meaning."""
    if not key.startswith(PUBLIC):
        return "no-store"
    return "no-cache" if key.endswith(f"/{POINTER}") else "public, max-age=31536000, immutable"


def copy_name(key: str) -> str:
    """The file name of a local copy."""
    # No key has a plus in it, so no two of them have the same copy.
    return key.replace("/", "+")


def missing(key: str) -> ArtifactMissingError:
    """The error for a key that is not there."""
    return ArtifactMissingError(
        f"The artifact {key} is not in the store. Materialize the asset that makes it, "
        "and what comes after it."
    )
