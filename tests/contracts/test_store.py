"""What every store promises."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dub_platform.contracts.stores import KEY, StoreContract
from dub_platform.core.errors import StorageFullError
from resources.store.local import LocalStore
from resources.store.port import Store
from resources.store.s3 import S3Store
from tests.support.full_disks import no_file_beyond, on_a_full_disk
from tests.support.servers.swift import running_swift


def local_store(folder: Path, url: str) -> Store:
    """A directory."""
    return LocalStore(folder / "store", url)


def s3_store(_: Path, url: str) -> Store:
    """Two buckets of a server that speaks S3."""
    swift = running_swift()
    private, public = swift.new_buckets()
    return S3Store(swift.client, bucket=private, public_bucket=public, public_url=url)


@pytest.fixture(params=[local_store, s3_store])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each engine in turn, empty."""
    make: Callable[[Path, str], Store] = request.param
    return make(tmp_path, "http://dub.test/media/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A work folder."""
    made = tmp_path / "work"
    made.mkdir()
    return made


class TestStore(StoreContract):
    """The list of every store, and what ours promise beside it."""

    def test_a_release_is_below_the_address_that_it_was_told(self, store: Store) -> None:
        """Without a second slash."""
        address = store.url("releases/a/es/track.m4a")
        assert "http://dub.test/media/releases/a/es/track.m4a" == address


class TestLocal:
    """What only a directory has: files, links and a disk that can be full."""

    @pytest.fixture
    def local(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "store", "http://dub.test/media")

    def test_nothing_but_the_artifact_is_left(self, local: LocalStore, tmp_path: Path) -> None:
        """Not of a write that failed either."""
        local.put_bytes(KEY, b"x")
        with pytest.raises(FileNotFoundError):
            local.put_file(KEY, tmp_path / "missing")
        assert [local.root / KEY] == [path for path in local.root.rglob("*") if path.is_file()]

    def test_a_write_that_was_killed_is_found_and_given_up(self, local: LocalStore) -> None:
        """A process that was stopped half-way could not tidy up; the listing hides its file."""
        command = [sys.executable, "-c", HALF, str(local.root / KEY)]
        writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with writer:
            assert writer.stdout is not None
            assert b"half of it is there\n" == writer.stdout.readline()
            writer.kill()
        (write,) = local.incomplete_uploads("videos/")
        assert (4, []) == (write.bytes, list(local.keys("videos/")))
        local.abort(write)
        local.abort(write)
        assert [] == list(local.incomplete_uploads("videos/"))

    def test_other_users_can_read_it(self, local: LocalStore) -> None:
        """A web server that serves releases is one."""
        local.put_bytes(KEY, b"x")
        assert 0o644 == (local.root / KEY).stat().st_mode & 0o777

    def test_a_full_disk_is_said_and_leaves_nothing(
        self, local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The error can be retried; what was kept before is still there."""
        local.put_bytes(KEY, b"old")
        new = tmp_path / "new"
        new.write_bytes(b"new" * 100_000)
        monkeypatch.setattr(tempfile, "mkstemp", staged_on_a_full_disk)
        with pytest.raises(StorageFullError, match="is full"):
            local.put_bytes(KEY, b"new")
        with pytest.raises(StorageFullError, match="is full"):
            local.put_file(KEY, new)
        assert b"old" == local.get_bytes(KEY)
        assert [local.root / KEY] == [path for path in local.root.rglob("*") if not path.is_dir()]

    def test_a_disk_that_fills_up_leaves_no_part(
        self, local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither in the store nor among the copies; with space, the same works."""
        new = tmp_path / "new"
        new.write_bytes(b"new" * 100_000)
        writes: list[Callable[[], object]] = [
            lambda: local.put_file(KEY, new),
            lambda: local.put_bytes(KEY, new.read_bytes()),
            lambda: local.fetch("videos/kept", tmp_path),
        ]
        local.put_file("videos/kept", new)
        monkeypatch.setattr(os, "link", across_file_systems)
        for write in writes:
            with no_file_beyond(1000), pytest.raises(StorageFullError, match="is full"):
                write()
        assert {local.root / "videos/kept", new} == {f for f in tmp_path.rglob("*") if f.is_file()}
        for write in writes:
            write()
        assert new.read_bytes() == local.get_bytes(KEY)

    def test_a_store_on_a_full_disk_is_not_ready(self, local: LocalStore) -> None:
        """And says that it is full, not that its settings are wrong."""
        with no_file_beyond(1), pytest.raises(StorageFullError):
            local.check()

    def test_a_disk_that_cannot_link_gets_a_copy(
        self, local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The spool may be on another file system than the store."""
        local.put_bytes(KEY, b"x" * 1000)
        monkeypatch.setattr(os, "link", across_file_systems)
        assert b"x" * 1000 == local.fetch(KEY, tmp_path).read_bytes()

    def test_a_slash_after_the_address_does_not_matter(self, tmp_path: Path) -> None:
        """No key begins with two."""
        assert "http://h/releases/x" == LocalStore(tmp_path, "http://h/").url("releases/x")


HALF = """
import sys
from pathlib import Path
from resources.store.local import replacing

with replacing(Path(sys.argv[1])) as staged:
    staged.write_bytes(b"half")
    print("half of it is there", flush=True)
    sys.stdin.read()
"""


def staged_on_a_full_disk(*, dir: Path, prefix: str) -> tuple[int, str]:  # noqa: A002
    """`mkstemp` whose file is the kernel's own full disk."""
    staged = on_a_full_disk(Path(dir) / f"{prefix}full")
    return os.open(staged, os.O_RDWR), str(staged)


def across_file_systems(source: Path, target: Path) -> None:
    """`link` as it fails between two file systems."""
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
