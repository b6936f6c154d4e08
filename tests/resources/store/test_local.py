"""The local directory: what is on the disk, and when."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dub_platform.core.errors import StorageFullError
from resources.store.local import LocalStore

KEY = "videos/dQw4w9WgXcQ/upload.media"
Put = Callable[[LocalStore, Path], None]


def put_file(store: LocalStore, folder: Path) -> None:
    """Keep a file."""
    path = folder / "upload"
    path.write_bytes(b"a film")
    store.put_file(KEY, path)


def put_bytes(store: LocalStore, _: Path) -> None:
    """Keep bytes."""
    store.put_bytes(KEY, b"a film")


both = pytest.mark.parametrize("put", [put_file, put_bytes])


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """In a folder that is there."""
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store", "http://dub.test/media")


@pytest.fixture
def events(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bytes]]:
    """What reaches the disk and what gets its name, in order: path below the store, content."""
    seen: list[tuple[str, str, bytes]] = []
    flush, rename = os.fsync, Path.replace

    def note(what: str, path: Path) -> None:
        content = path.read_bytes() if path.is_file() else b""
        name = str(path.relative_to(store.root)).partition(".staged-")
        seen.append((what, name[0] + name[1], content))

    def fsync(descriptor: int) -> None:
        flush(descriptor)
        note("on the disk", Path(f"/proc/self/fd/{descriptor}").readlink())

    def replace(source: Path, target: Path) -> Path:
        note("named", rename(source, target))
        return target

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    return seen


@both
def test_a_name_reaches_the_disk_after_its_content(
    store: LocalStore, events: list[tuple[str, str, bytes]], tmp_path: Path, put: Put
) -> None:
    """When the power is lost in between, nothing is there, and never an empty file."""
    put(store, tmp_path)
    assert [
        ("on the disk", ".", b""),
        ("on the disk", "videos", b""),
        ("on the disk", "videos/dQw4w9WgXcQ/.staged-", b"a film"),
        ("named", KEY, b"a film"),
        ("on the disk", "videos/dQw4w9WgXcQ", b""),
    ] == events


@both
def test_a_disk_that_is_found_full_at_the_end_is_named(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: Put
) -> None:
    """Some file systems take what they have no room for, and say so when it is to be flushed."""

    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "store" / KEY).parent.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StorageFullError, match=r"is full, so upload\.media could not be written"):
        put(store, tmp_path)
    assert [] == [path for path in store.root.rglob("*") if path.is_file()]
