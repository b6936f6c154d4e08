"""A local directory as the store; the API serves what of it is public.

store = LocalStore(Path(".dub/store"), base_url="http://127.0.0.1:5001/media")
store.put_file("releases/ID/es/track.m4a", path)

What is put is on the disk when the call returns.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from dub_platform.core.errors import StorageRefusedError
from dub_platform.core.keys import file_sha256
from resources.store.port import (
    Kept,
    Unfinished,
    address,
    checked_key,
    checked_prefix,
    copy_name,
    is_key,
    missing,
)
from resources.system.disk import full_disk_named

_STAGED = ".staged-"


class LocalStore:
    """A directory. Public keys are served by the API below `base_url`, with Range."""

    def __init__(self, root: Path, base_url: str) -> None:
        self.root = root
        self.base_url = base_url.rstrip("/")

    def put_file(self, key: str, path: Path) -> None:
        with _keeping(self.root / checked_key(key)) as staged:
            shutil.copyfile(path, staged)

    def put_bytes(self, key: str, data: bytes) -> None:
        with _keeping(self.root / checked_key(key)) as staged:
            staged.write_bytes(data)

    def get_bytes(self, key: str) -> bytes:
        return self.path(key).read_bytes()

    def read_dated(self, key: str) -> tuple[bytes, datetime]:
        with self.path(key).open("rb") as file:
            return file.read(), _written_at(os.fstat(file.fileno()))

    def fetch(self, key: str, into: Path) -> Path:
        source, target = self.path(key), into / copy_name(key)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            # The work folder may be another file system, which cannot hold the same inode.
            with replacing(target) as staged:
                shutil.copyfile(source, staged)
        return target

    def exists(self, key: str) -> bool:
        return (self.root / checked_key(key)).is_file()

    def size(self, key: str) -> int:
        return self.path(key).stat().st_size

    def checksum(self, key: str) -> str:
        return file_sha256(self.path(key))

    @property
    def is_open(self) -> bool:
        return False

    def url(self, key: str) -> str:
        return address(self.base_url, key)

    def lend(self, key: str) -> str | None:
        checked_key(key)
        return None

    def keys(self, prefix: str) -> Iterator[Kept]:
        for entry in self._files(prefix):
            key = Path(entry.path).relative_to(self.root).as_posix()
            # Somebody may delete it while it is looked at.
            with contextlib.suppress(FileNotFoundError):
                if key.startswith(prefix) and is_key(key):
                    yield Kept(key, entry.stat().st_size, _written_at(entry.stat()))

    def delete(self, key: str) -> None:
        (self.root / checked_key(key)).unlink(missing_ok=True)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        for entry in self._files(prefix):
            if entry.name.startswith(_STAGED):
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat()
                    yield Unfinished(entry.path, "", found.st_size, _written_at(found))

    def give_up(self, write: Unfinished) -> None:
        Path(write.key).unlink(missing_ok=True)

    def check(self) -> None:
        try:
            with full_disk_named("a probe of the store"):
                self.root.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.root) as probe:
                    probe.write(b"ready")
        except OSError as error:
            raise StorageRefusedError(
                f"Nothing can be written below {self.root}: {error.strerror}. Check DUB_HOME and "
                "the disk it is on.",
                detail=str(error),
            ) from error

    def _files(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        """The files of the folder that the prefix begins with, and of those below it."""
        return _below(self.root / checked_prefix(prefix).rpartition("/")[0])

    def path(self, key: str) -> Path:
        """Where the key's file lies. Raises ArtifactMissingError."""
        path = self.root / checked_key(key)
        if not path.is_file():
            raise missing(key)
        return path


def _below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            else:
                yield entry


def _written_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, timezone.utc)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its place when it is complete."""
    with full_disk_named(target.name):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_STAGED)
        os.close(handle)
        staged = Path(name)
        try:
            yield staged
            staged.chmod(0o644)  # 0600 would hide it from a web server of another user
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)


@contextlib.contextmanager
def _keeping(target: Path) -> Iterator[Path]:
    """As `replacing`, and what was put is whole or not there also when the power is lost.

    The content goes to the disk before its name does: the other way round, a name can be left
    with nothing under it, for a video that was accepted or a take that was paid for.
    """
    with full_disk_named(target.name):
        _make_for_good(target.parent)
        with replacing(target) as staged:
            yield staged
            _flush(staged)
        _flush(target.parent)


def _make_for_good(folder: Path) -> None:
    if not folder.is_dir():
        _make_for_good(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush(folder.parent)


def _flush(path: Path) -> None:
    """Return when the file's content, or the folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
