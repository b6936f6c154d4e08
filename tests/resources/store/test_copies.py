"""Copies: each key is fetched once, several at a time, and all of them go."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import ArtifactMissingError
from dub_platform.core.speech import Take
from resources.store.copies import AT_ONCE, Copies
from resources.store.local import LocalStore
from resources.system.workfolder import WorkFolders
from tests.support.patience import HANG_SECONDS


class WatchedStore(LocalStore):
    """Counts what is fetched, each of which waits until as many are asked for as may be."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "http://dub.test/media")
        self.fetched: Counter[str] = Counter()
        self.together: threading.Barrier | None = None

    def fetch(self, key: str, into: Path) -> Path:
        """As the store does."""
        self.fetched[key] += 1
        if self.together:
            self.together.wait(HANG_SECONDS)
        return super().fetch(key, into)


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "store")


@pytest.fixture
def folders(tmp_path: Path) -> WorkFolders:
    return WorkFolders(tmp_path / "spool")


def take(store: WatchedStore, number: int) -> Take:
    """One whose recording is its number."""
    key = f"takes/{number}.flac"
    store.put_bytes(key, str(number).encode())
    return Take(number, str(number), key, 1.0, 0.0, 1.0, 1)


def test_takes_are_fetched_together_and_come_in_order(
    store: WatchedStore, folders: WorkFolders
) -> None:
    """As many at once as may be."""
    takes = [take(store, number) for number in range(AT_ONCE)]
    store.together = threading.Barrier(AT_ONCE)
    with Copies(store, folders) as copies:
        fetched = [(each, path.read_text()) for each, path in copies.fetch_takes(takes)]
    assert [(each, str(each.line_id)) for each in takes] == fetched


def test_whoever_asks_a_key_is_fetched_once(store: WatchedStore, folders: WorkFolders) -> None:
    """Also by several at once, and for several lines that say the same."""
    same = take(store, 1)
    with Copies(store, folders) as copies:
        at_once([lambda: copies.fetch(same.audio_key)] * 8)
        copies.fetch_takes([same, same])
    assert {same.audio_key: 1} == store.fetched


def test_what_could_not_be_fetched_is_tried_again(
    store: WatchedStore, folders: WorkFolders
) -> None:
    """A step that is tried again finds what is there by then."""
    with Copies(store, folders) as copies:
        with pytest.raises(ArtifactMissingError):
            copies.fetch("takes/7.flac")
        assert b"7" == copies.fetch(take(store, 7).audio_key).read_bytes()


def test_nothing_is_left_of_a_run(store: WatchedStore, folders: WorkFolders) -> None:
    """However it ended; one that fetched nothing has made no folder either."""
    with Copies(store, folders) as copies:
        copies.fetch(take(store, 1).audio_key)
        assert 1 == len(list(folders.root.iterdir()))
        with pytest.raises(ArtifactMissingError):
            copies.fetch("takes/7.flac")
    assert [] == list(folders.root.iterdir())
    with Copies(store, folders):
        assert [] == list(folders.root.iterdir())
