"""The folder of a backup: files named by their content, and one list of what they are.

    folder = BackupFolder(Path("/backup/dub"))
    with folder.held():
        entry = folder.take(dump, "registry.postgresql")
        folder.conclude(began, [entry])

    FOLDER/files/1f/1f2e3d...        the sha256 of what is in it
    FOLDER/list.jsonl                the backup's head, then one entry a line

A backup is the list: until a new one takes its place, the last backup is whole, and files that are
on the new list already are not copied again.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dub_platform.core.errors import BackupError
from dub_platform.core.keys import file_sha256
from resources.store.local import replacing


@dataclass(frozen=True)
class Head:
    """When the copying began, by this machine's clock, and the release that did it."""

    began: datetime
    release: str


@dataclass(frozen=True)
class Entry:
    """One file; `put_at` is when the store was given it, by the store's clock."""

    name: str
    sha256: str
    bytes: int
    put_at: datetime | None = None


_HEAD = TypeAdapter(Head)
_ENTRY = TypeAdapter(Entry)


@dataclass(frozen=True)
class BackupFolder:
    """Where a backup is kept."""

    root: Path

    @contextlib.contextmanager
    def held(self) -> Iterator[Path]:
        """Keep others from saving here; a folder for work in progress. Raises BackupError."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupError(
                    f"Another backup is being saved to {self.root}: wait for it, or use a folder "
                    "of its own."
                ) from error
            # On the same disk, so that a file is moved and not copied once more.
            with tempfile.TemporaryDirectory(prefix="work-", dir=self.root) as work:
                yield Path(work)

    def take(self, path: Path, name: str, put_at: datetime | None = None) -> Entry:
        """Move the file in; what is there already is not kept twice."""
        entry = Entry(name, file_sha256(path), path.stat().st_size, put_at)
        target = self.file(entry)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        return entry

    def file(self, entry: Entry) -> Path:
        """Where the entry's content is."""
        return self.root / "files" / entry.sha256[:2] / entry.sha256

    def head(self) -> Head:
        """What there is to say about the whole. Raises BackupError where there is no backup."""
        with self._list() as lines:
            return _HEAD.validate_json(next(lines))

    def entries(self) -> Iterator[Entry]:
        """Everything on the list. Raises BackupError where there is no backup."""
        with self._list() as lines:
            next(lines)
            yield from map(_ENTRY.validate_json, lines)

    def is_empty(self) -> bool:
        """Whether no backup was ever concluded here."""
        return not self._path.exists()

    def conclude(self, head: Head, entries: Iterable[Entry]) -> None:
        """Make these entries the backup, and remove the files of the one before."""
        needed = set()
        with replacing(self._path) as staged, staged.open("wb") as file:
            file.write(_HEAD.dump_json(head) + b"\n")
            for entry in entries:
                needed.add(entry.sha256)
                file.write(_ENTRY.dump_json(entry) + b"\n")
        for path in (self.root / "files").glob("*/*"):
            if path.name not in needed:
                path.unlink()

    def check(self) -> None:
        """Read every file and compare it with its name. Raises BackupError."""
        damaged = [entry.name for entry in self.entries() if not self._is_whole(entry)]
        if damaged:
            raise BackupError(
                f"{len(damaged)} files of the backup in {self.root} are missing or are not what "
                f"was saved, {damaged[0]} for one, so nothing was restored. Use another backup.",
                detail="\n".join(damaged[:100]),
            )

    def _is_whole(self, entry: Entry) -> bool:
        path = self.file(entry)
        return path.is_file() and file_sha256(path) == entry.sha256

    @property
    def _path(self) -> Path:
        return self.root / "list.jsonl"

    @contextlib.contextmanager
    def _list(self) -> Iterator[Iterator[bytes]]:
        if self.is_empty():
            raise BackupError(
                f"There is no backup in {self.root}: it has no {self._path.name}. Name the folder "
                "that `save` was given."
            )
        try:
            with self._path.open("rb") as lines:
                yield lines
        except (ValidationError, StopIteration) as error:
            raise BackupError(
                f"{self._path} cannot be read, so it is not known what the files beside it are. "
                "Use another backup.",
                detail=str(error),
            ) from error
