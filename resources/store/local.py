"""A local folder as the store; the API serves its public part.

    store = LocalStore(Path(".dub/store"), base_url="http://127.0.0.1:5001/media")
    store.put_file("releases/ID/es/track.m4a", path)

What was put is on the disk when the call returns, also if the power fails right after it.
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
    IncompleteUpload,
    StoredObject,
    address,
    checked_key,
    checked_prefix,
    copy_name,
    is_key,
    missing,
)
from resources.system.disk import translating_full_disk

_STAGED = ".staged-"


class LocalStore:
    """Stores each object as a file. Public keys are served by the API below `base_url`."""

    def __init__(self, root: Path, base_url: str) -> None:
        self.root = root
        self.base_url = base_url.rstrip("/")

    def put_file(self, key: str, path: Path) -> None:
        with _writing_durably(self.root / checked_key(key)) as staged:
            shutil.copyfile(path, staged)

    def put_bytes(self, key: str, data: bytes) -> None:
        with _writing_durably(self.root / checked_key(key)) as staged:
            staged.write_bytes(data)

    def get_bytes(self, key: str) -> bytes:
        return self.path(key).read_bytes()

    def read_dated(self, key: str) -> tuple[bytes, datetime]:
        with self.path(key).open("rb") as file:
            return file.read(), _modified_at(os.fstat(file.fileno()))

    def fetch(self, key: str, into: Path) -> Path:
        source, target = self.path(key), into / copy_name(key)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            # Another file system cannot link to the file, so copy it.
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
    def is_public(self) -> bool:
        return False

    def url(self, key: str) -> str:
        return address(self.base_url, key)

    def presigned_url(self, key: str) -> str | None:
        checked_key(key)
        return None

    def keys(self, prefix: str) -> Iterator[StoredObject]:
        for entry in self._files(prefix):
            key = Path(entry.path).relative_to(self.root).as_posix()
            # Another process may delete the file between listing it and reading its size.
            with contextlib.suppress(FileNotFoundError):
                if key.startswith(prefix) and is_key(key):
                    yield StoredObject(key, entry.stat().st_size, _modified_at(entry.stat()))

    def delete(self, key: str) -> None:
        (self.root / checked_key(key)).unlink(missing_ok=True)

    def incomplete_uploads(self, prefix: str) -> Iterator[IncompleteUpload]:
        for entry in self._files(prefix):
            if entry.name.startswith(_STAGED):
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat()
                    yield IncompleteUpload(entry.path, "", found.st_size, _modified_at(found))

    def abort(self, write: IncompleteUpload) -> None:
        Path(write.key).unlink(missing_ok=True)

    def check(self) -> None:
        try:
            with translating_full_disk("a probe of the store"):
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
        """Yield the files in the folder that the prefix names, and in those below it."""
        return _walk(self.root / checked_prefix(prefix).rpartition("/")[0])

    def path(self, key: str) -> Path:
        """Return the path of the object's file. Raises ArtifactMissingError."""
        path = self.root / checked_key(key)
        if not path.is_file():
            raise missing(key)
        return path


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry


def _modified_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, timezone.utc)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a new file beside `target`, which replaces it at the end of the block if nothing
    failed."""
    with translating_full_disk(target.name):
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
def _writing_durably(target: Path) -> Iterator[Path]:
    """Yield a file as `replacing` does, and have it on the disk at the end.

    The content is synced before the rename: the other way round, a power failure could leave a name
    without content, for a video that was accepted or a take that was paid for.
    """
    with translating_full_disk(target.name):
        _make_durably(target.parent)
        with replacing(target) as staged:
            yield staged
            _sync(staged)
        _sync(target.parent)


def _make_durably(folder: Path) -> None:
    """Make the folder and those above it, and sync each new name to the disk."""
    if not folder.is_dir():
        _make_durably(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(path: Path) -> None:
    """Wait until the file's content, or the folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
