"""What every store promises: a class of tests that asks for the fixtures `store` and `folder`, both
of them empty."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path

import pytest

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import ArtifactMissingError, StorageError
from resources.store.port import Store

KEY = "videos/dQw4w9WgXcQ/audio/sound.flac"
NO_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "videos/../../etc/passwd",
    "videos/./x",
    "videos//x",
    "videos/",
    "videos/.hidden",
    ".staged-1",
    "videos\\x",
    "videos/x y",
    "videos/x\n",
    "videos/x\0",
    "videos/x%2Fy",
    "videos/ñ",
    "C:/x",
    "http://example.org/x",
    "a+b",
]


class StoreContract:
    """The promises of `resources/store/port.py`."""

    def test_bytes_come_back_as_they_were(self, store: Store) -> None:
        """Every byte, also none at all."""
        for content in (b"", b"\0\xff" * 1000):
            store.put_bytes(KEY, content)
            assert content == store.get_bytes(KEY)
            assert len(content) == store.size(KEY)

    def test_a_file_comes_back_as_it_was(self, store: Store, folder: Path) -> None:
        """And the one that was handed in stays where it is."""
        original = folder / "made.flac"
        original.write_bytes(b"sound" * 100_000)
        store.put_file(KEY, original)
        assert original.read_bytes() == store.fetch(KEY, folder).read_bytes()

    def test_the_copy_kept_is_its_own(self, store: Store, folder: Path) -> None:
        """What happens to the file afterwards does not reach the store."""
        original = folder / "made.flac"
        original.write_bytes(b"sound")
        store.put_file(KEY, original)
        original.write_bytes(b"noise")
        assert b"sound" == store.get_bytes(KEY)

    def test_a_key_is_there_when_something_is_kept_under_it(self, store: Store) -> None:
        """A folder of keys is no key."""
        assert not store.exists(KEY)
        store.put_bytes(KEY, b"x")
        assert (True, False) == (store.exists(KEY), store.exists("videos/dQw4w9WgXcQ/audio"))

    def test_what_is_read_says_when_it_was_put(self, store: Store) -> None:
        """By the server's own clock, as its listings do."""
        store.put_bytes(KEY, b"x")
        content, put_at = store.read_dated(KEY)
        [listed] = store.keys("videos/")
        assert b"x" == content
        # A listing may tell parts of a second.
        assert abs(listed.put_at - put_at) < timedelta(seconds=1)

    @pytest.mark.parametrize("ask", ["get_bytes", "read_dated", "size", "checksum"])
    def test_a_missing_artifact_is_named(self, store: Store, ask: str) -> None:
        """The error says which, and what to do."""
        with pytest.raises(ArtifactMissingError, match=f"{KEY} is not in the store"):
            getattr(store, ask)(KEY)

    def test_fetching_a_missing_artifact_leaves_nothing(self, store: Store, folder: Path) -> None:
        """No empty file to be taken for it."""
        with pytest.raises(ArtifactMissingError, match=KEY):
            store.fetch(KEY, folder)
        assert [] == list(folder.iterdir())

    @pytest.mark.parametrize("key", NO_KEYS)
    def test_what_is_no_plain_path_is_no_key(self, store: Store, folder: Path, key: str) -> None:
        """No method takes it, and nothing is read or written anywhere."""
        (folder / "x").write_bytes(b"x")
        attempts: list[Callable[[], object]] = [
            lambda: store.put_bytes(key, b"x"),
            lambda: store.put_file(key, folder / "x"),
            lambda: store.get_bytes(key),
            lambda: store.fetch(key, folder),
            lambda: store.exists(key),
            lambda: store.size(key),
            lambda: store.checksum(key),
            lambda: store.url(f"releases/{key}"),
            lambda: store.delete(key),
        ]
        for attempt in attempts:
            with pytest.raises(StorageError):
                attempt()
        assert [folder, folder / "x"] == sorted(folder.parent.rglob("*"))

    @pytest.mark.parametrize("key", ["-abcdefghij/x", "_/-", "a/b.c/d.e-f_g.m4a", "A" * 100])
    def test_safe_characters_make_a_key(self, store: Store, folder: Path, key: str) -> None:
        """A YouTube id may begin with a dash."""
        store.put_bytes(key, b"x")
        assert b"x" == store.fetch(key, folder).read_bytes()

    def test_only_releases_have_an_address(self, store: Store) -> None:
        """Everything else is nobody's business."""
        assert store.url("releases/a/es/track.m4a").endswith("/releases/a/es/track.m4a")
        for key in (KEY, "releases", "released/x", "takes/ab/abc.flac"):
            with pytest.raises(StorageError, match="not public"):
                store.url(key)

    def test_the_checksum_is_that_of_the_content(self, store: Store, folder: Path) -> None:
        """However it was put, and of the last one that was."""
        original = folder / "made.flac"
        original.write_bytes(b"sound")
        store.put_file(KEY, original)
        assert hashlib.sha256(b"sound").hexdigest() == store.checksum(KEY)
        store.put_bytes(KEY, b"")
        assert hashlib.sha256(b"").hexdigest() == store.checksum(KEY)

    def test_a_store_that_can_be_used_says_so(self, store: Store) -> None:
        """And nothing is in it afterwards."""
        store.check()
        assert [False, False] == [store.exists("ready"), store.exists("releases/ready")]

    def test_a_listing_tells_what_is_kept(self, store: Store) -> None:
        """Every key with its size and when it was put; below a prefix, no other."""
        began = datetime.now(timezone.utc) - timedelta(seconds=2)
        sizes = {"videos/a/source.mp4": 3, "videos/ab/source.mp4": 5, "releases/a/es/x.m4a": 0}
        for key, size in sizes.items():
            store.put_bytes(key, b"x" * size)
        assert sizes == {kept.key: kept.bytes for kept in store.keys("")}
        assert all(began <= kept.put_at for kept in store.keys(""))
        assert ["videos/a/source.mp4"] == [kept.key for kept in store.keys("videos/a/")]
        assert ["releases/a/es/x.m4a"] == [kept.key for kept in store.keys("releases/a/es/x")]

    def test_a_listing_of_nothing_is_empty(self, store: Store) -> None:
        """Also where nothing was ever put."""
        assert [] == list(store.keys(""))
        assert [] == list(store.keys("videos/"))

    @pytest.mark.parametrize("prefix", ["videos", "/", "../", "videos/../", "videos//"])
    def test_what_begins_no_key_is_not_listed(self, store: Store, prefix: str) -> None:
        """A name without a folder would be looked for everywhere."""
        with pytest.raises(StorageError):
            list(store.keys(prefix))

    def test_copies_of_different_keys_do_not_collide(self, store: Store, folder: Path) -> None:
        """Also of keys that only differ in where a slash is."""
        keys = ["a/b-c.srt", "a-b/c.srt", "a-b-c.srt", "a/b/c.srt", "a_b/c.srt", "a--b/c.srt"]
        for key in keys:
            store.put_bytes(key, key.encode())
        copies = [store.fetch(key, folder) for key in keys]
        assert keys == [copy.read_text() for copy in copies]

    def test_a_copy_keeps_the_ending_of_its_key(self, store: Store, folder: Path) -> None:
        """Tools guess a format by it."""
        store.put_bytes(KEY, b"x")
        assert ".flac" == store.fetch(KEY, folder).suffix

    def test_a_copy_can_be_fetched_again(self, store: Store, folder: Path) -> None:
        """Two steps of one piece of work may want the same artifact."""
        store.put_bytes(KEY, b"x")
        assert store.fetch(KEY, folder) == store.fetch(KEY, folder)
        assert (b"x", b"x") == (store.get_bytes(KEY), store.fetch(KEY, folder).read_bytes())

    def test_a_copy_stays_as_it_was_fetched(self, store: Store, folder: Path) -> None:
        """Work that has begun is not changed under its hands; the next fetch has what is new."""
        store.put_bytes(KEY, b"old")
        (folder / "later").mkdir()
        before = store.fetch(KEY, folder)
        store.put_bytes(KEY, b"new")
        assert (b"old", b"new") == (
            before.read_bytes(),
            store.fetch(KEY, folder / "later").read_bytes(),
        )
        assert b"new" == store.fetch(KEY, folder).read_bytes()

    def test_a_reader_sees_the_old_or_the_new_and_never_a_part(self, store: Store) -> None:
        """While two writers replace it again and again."""
        contents = [bytes([letter]) * 300_000 for letter in b"ab"]
        store.put_bytes(KEY, contents[0])
        done = threading.Event()

        def write() -> set[bytes]:
            try:
                for number in range(40):
                    store.put_bytes(KEY, contents[number % 2])
            finally:
                done.set()
            return set()

        def read() -> set[bytes]:
            seen = {store.get_bytes(KEY)}
            while not done.is_set():
                seen.add(store.get_bytes(KEY))
            return seen

        seen = set().union(*at_once([write, write, read]))
        assert seen <= set(contents)

    def test_a_write_that_fails_changes_nothing(self, store: Store, folder: Path) -> None:
        """The old content stays, and no half of the new one lies about."""
        store.put_bytes(KEY, b"old")
        with pytest.raises(FileNotFoundError):
            store.put_file(KEY, folder / "missing")
        assert b"old" == store.get_bytes(KEY)

    def test_a_listing_has_each_key_with_its_size_and_time(self, store: Store) -> None:
        """In whichever bucket or folder it is; S3 counts seconds."""
        sizes = {"videos/a/x.json": 3, "videos/a/audio/y.flac": 0, "releases/a/z.vtt": 7}
        before = datetime.now(timezone.utc) - timedelta(seconds=1)
        for key, size in sizes.items():
            store.put_bytes(key, b"x" * size)
        kept = [*store.keys("videos/"), *store.keys("releases/")]
        assert sizes == {each.key: each.bytes for each in kept}
        after = datetime.now(timezone.utc) + timedelta(seconds=1)
        assert [each for each in kept if not before <= each.put_at <= after] == []

    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            ("takes/ab/", {"takes/ab/abc.flac", "takes/ab/abc.json", "takes/ab/abd.json"}),
            ("takes/ab/abc.", {"takes/ab/abc.flac", "takes/ab/abc.json"}),
            ("takes/a", {"takes/ab/abc.flac", "takes/ab/abc.json", "takes/ab/abd.json"}),
            ("takes/abc/", set()),
            ("releases/", set()),
        ],
    )
    def test_a_prefix_is_a_folder_or_begins_a_name(
        self, store: Store, prefix: str, found: set[str]
    ) -> None:
        """And nothing is told of what lies beside it."""
        for key in (
            "takes/ab/abc.flac",
            "takes/ab/abc.json",
            "takes/ab/abd.json",
            "takes/ba/abc.json",
        ):
            store.put_bytes(key, b"x")
        assert found == {each.key for each in store.keys(prefix)}

    def test_a_listing_comes_folder_by_folder(self, store: Store) -> None:
        """A video's keys can be looked at together, though its id is the beginning of another's."""
        keys = ["videos/a-b/x", "videos/a/x", "videos/a/dubs/es/x", "videos/a/z", "videos/a.b/x"]
        for key in keys:
            store.put_bytes(key, b"x")
        videos = [name for name, _ in groupby(store.keys("videos/"), lambda k: k.key.split("/")[1])]
        assert ["a", "a-b", "a.b"] == sorted(videos)

    @pytest.mark.parametrize("prefix", ["videos", "/etc/", "../", "videos/../", "videos//"])
    def test_what_names_no_folder_is_not_listed(self, store: Store, prefix: str) -> None:
        """A listing never leaves the store, and never mixes what viewers see with the rest."""
        for ask in (store.keys, store.incomplete_uploads):
            with pytest.raises(StorageError):
                list(ask(prefix))

    def test_what_was_deleted_is_gone_and_nothing_else(self, store: Store) -> None:
        """Twice is once."""
        store.put_bytes(KEY, b"x")
        store.put_bytes(f"{KEY}2", b"y")
        store.delete(KEY)
        store.delete(KEY)
        assert (False, [f"{KEY}2"]) == (store.exists(KEY), [k.key for k in store.keys("videos/")])

    def test_what_was_deleted_can_be_put_again(self, store: Store) -> None:
        """The same content has the same key."""
        for _ in range(2):
            store.put_bytes(KEY, b"x")
            assert b"x" == store.get_bytes(KEY)
            store.delete(KEY)

    def test_a_store_at_rest_has_no_unfinished_writes(self, store: Store, folder: Path) -> None:
        """Neither of what was put, nor of what could not be."""
        store.put_bytes(KEY, b"x")
        with pytest.raises(FileNotFoundError):
            store.put_file(KEY, folder / "missing")
        assert [] == list(store.incomplete_uploads("videos/"))
