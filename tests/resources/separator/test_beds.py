"""Beds: made once of a video, whatever it is dubbed into, and found by every dub after it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dub_platform.core.errors import EngineFailedError
from dub_platform.core.keys import is_content_key
from dub_platform.core.speech import Audio
from resources.separator.beds import BedKeeper
from resources.separator.ducking import DuckingSeparator
from resources.store.local import LocalStore
from resources.system.workfolder import WorkFolders

VIDEO = "dQw4w9WgXcQ"


class CountingSeparator:
    """Copies the sound, and knows how often it did; fails as long as it is told to."""

    removes_voice = True

    def __init__(self, engine: str = "counting 1") -> None:
        self.engine, self.made, self.failures = engine, 0, 0

    def bed(self, sound: Path, *, into: Path) -> Path:
        self.made += 1
        if self.made <= self.failures:
            raise EngineFailedError("The memory was too small.")
        return Path(shutil.copy(sound, into / "bed.flac"))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", "http://127.0.0.1")


def make_audio(store: LocalStore, name: str = "sound") -> Audio:
    """The value of `audio`, with something under its key."""
    key = f"videos/{VIDEO}/audio/{name}-0123456789abcdef.flac"
    store.put_bytes(key, name.encode())
    return Audio(key, "unused", 1.0, -20.0, ())


def make_keeper(store: LocalStore, tmp_path: Path, engine: str = "counting 1") -> BedKeeper:
    return BedKeeper(store, CountingSeparator(engine), WorkFolders(tmp_path / "spool"))


def times_made(keeper: BedKeeper) -> int:
    assert isinstance(keeper.separator, CountingSeparator)
    return keeper.separator.made


def test_a_bed_is_made_once(store: LocalStore, tmp_path: Path) -> None:
    """By the first language, and kept beside the sound under a name of its content."""
    keeper, audio = make_keeper(store, tmp_path), make_audio(store)
    first, second = keeper.bed_of(VIDEO, audio), keeper.bed_of(VIDEO, audio)
    assert (first, 1) == (second, times_made(keeper))
    assert first.startswith(f"videos/{VIDEO}/audio/bed-")
    assert is_content_key(first)
    assert b"sound" == store.get_bytes(first)


def test_two_languages_at_once_make_it_once(store: LocalStore, tmp_path: Path) -> None:
    """The second waits for the first, and finds what it made."""
    keeper, audio = make_keeper(store, tmp_path), make_audio(store)
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: keeper.bed_of(VIDEO, audio), range(4)))
    assert (1, 1) == (len(set(keys)), times_made(keeper))


def test_another_sound_or_engine_has_another_bed(store: LocalStore, tmp_path: Path) -> None:
    """What was made of the one is not taken for what is made of the other."""
    keeper = make_keeper(store, tmp_path)
    newer = make_keeper(store, tmp_path, "counting 2")
    sound, other = make_audio(store), make_audio(store, "other")
    keys = {keeper.bed_of(VIDEO, sound), keeper.bed_of(VIDEO, other), newer.bed_of(VIDEO, sound)}
    assert 3 == len(keys)


def test_a_failure_leaves_nothing_behind(store: LocalStore, tmp_path: Path) -> None:
    """The next dub tries again, and no one finds half a bed."""
    keeper, audio = make_keeper(store, tmp_path), make_audio(store)
    assert isinstance(keeper.separator, CountingSeparator)
    keeper.separator.failures = 1
    with pytest.raises(EngineFailedError):
        keeper.bed_of(VIDEO, audio)
    assert [audio.sound_key] == [kept.key for kept in store.keys(f"videos/{VIDEO}/")]
    assert b"sound" == store.get_bytes(keeper.bed_of(VIDEO, audio))


def test_where_the_voice_stays_the_sound_is_the_bed(store: LocalStore, tmp_path: Path) -> None:
    """And is not kept a second time."""
    keeper = BedKeeper(store, DuckingSeparator(), WorkFolders(tmp_path / "spool"))
    audio = make_audio(store)
    assert audio.sound_key == keeper.bed_of(VIDEO, audio)
    assert [audio.sound_key] == [kept.key for kept in store.keys(f"videos/{VIDEO}/")]
