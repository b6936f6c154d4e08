"""The store's files: only what changed is copied, and all of it comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from dub_platform.backup.folder import BackupFolder, Entry, Head
from dub_platform.backup.objects import Previous, restored, saved
from resources.store.port import Store
from tests.contracts.test_store import local_store, s3_store

CONTENTS = {
    "videos/a/source-1f2e.mp4": b"pictures",
    "takes/ab/abc.flac": b"",
    "releases/a/es/1f2e/track.m4a": b"sound" * 1000,
    "releases/a/es/current.json": b"{}",
}
VALUE = "videos/a/transcript.json"


@pytest.fixture(params=[local_store, s3_store])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Store]:
    """Makes empty stores of each kind."""
    make: Callable[[Path, str], Store] = request.param
    return lambda name: make(tmp_path / name, "http://dub.test/media")


@pytest.fixture
def store(stores: Callable[[str], Store]) -> Store:
    """A store with something in it."""
    filled = stores("first")
    for key, content in CONTENTS.items():
        filled.put_bytes(key, content)
    return filled


def copied(store: Store, folder: BackupFolder, began: datetime) -> list[str]:
    """Save the store; the names of what was copied anew."""
    new: list[Entry] = []
    last = Previous({})
    if not folder.is_empty():
        last = Previous({e.name: e for e in folder.entries()}, folder.head().began)
    with folder.held() as work:
        entries = list(saved(store, folder, work, last, new.append))
        folder.conclude(Head(began, "0.1.0"), entries)
    return sorted(entry.name for entry in new)


# As if everything had been put long before the first backup.
LATER = datetime.now(timezone.utc) + timedelta(hours=1)


def test_everything_comes_back(
    store: Store, stores: Callable[[str], Store], folder: BackupFolder
) -> None:
    """What is public too, into another store."""
    copied(store, folder, LATER)
    empty = stores("second")
    assert len(CONTENTS) == restored(empty, folder, folder.entries())
    assert CONTENTS == {kept.key: empty.get_bytes(kept.key) for kept in empty.keys("")}


def test_what_did_not_change_is_not_copied_again(store: Store, folder: BackupFolder) -> None:
    """Only what is new, or was written over by as many other bytes."""
    store.put_bytes(VALUE, b"old")
    copied(store, folder, LATER)
    assert [] == copied(store, folder, LATER)
    store.put_bytes("takes/cd/cde.flac", b"new")
    _put_later(store, VALUE, b"NEW")
    assert ["store/takes/cd/cde.flac", f"store/{VALUE}"] == copied(store, folder, LATER)
    folder.check()


def test_what_was_put_just_before_a_backup_is_copied_again(
    store: Store, folder: BackupFolder
) -> None:
    """A clock of whole seconds would not show that it was written over in the same second."""
    now = datetime.now(timezone.utc)
    copied(store, folder, now)
    assert len(CONTENTS) == len(copied(store, folder, now))


def test_a_file_that_the_folder_lost_is_copied_again(store: Store, folder: BackupFolder) -> None:
    """The list alone is no copy."""
    copied(store, folder, LATER)
    lost = next(e for e in folder.entries() if e.name.endswith("track.m4a"))
    folder.file(lost).unlink()
    assert [lost.name] == copied(store, folder, LATER)
    folder.check()


def test_what_is_deleted_meanwhile_is_left_out(
    store: Store, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was listed, and gone when its turn came."""
    listed = list(store.keys(""))
    gone = type(listed[0])("takes/zz/gone.flac", 1, listed[0].put_at)
    monkeypatch.setattr(type(store), "keys", lambda *_: iter([*listed, gone]))
    assert len(CONTENTS) == len(copied(store, folder, LATER))


def _put_later(store: Store, key: str, content: bytes) -> None:
    """Put until the store's clock shows it."""
    before = next(store.keys(key)).put_at
    while next(store.keys(key)).put_at == before:
        store.put_bytes(key, content)
