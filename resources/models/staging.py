"""A model on its way into the folder: nothing of it is found before all of it is verified.

    with staging(folder, entry) as stage:
        for file in stage.list_missing():
            stage.take(file, open_somewhere)
        stage.finish("https://huggingface.co/...")

What is verified stays where it is until the model is whole, so that a break costs one file at most,
and a download that is resumed only the rest of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from dub_platform.core.errors import EngineUnavailableError, StorageFullError
from resources.models.catalogue import Entry, ModelFile
from resources.models.installed import RECORD, ModelFolder, Record
from resources.system.disk import translating_full_disk

BLOCK = 1 << 20
_LOCK = ".lock"
# Files of their own beside the model's: the record, and what a filesystem needs for folders.
_SPARE_BYTES = 10_000_000

Told = Callable[[int], None]


@dataclass(frozen=True)
class Stage:
    """The folder in which a model is put together."""

    models: ModelFolder
    entry: Entry

    @property
    def folder(self) -> Path:
        place = self.models.place(self.entry)
        return place.with_name(f".{place.name}.part")

    def list_missing(self) -> list[ModelFile]:
        """Return the files that are not there yet, in full and verified."""
        return [file for file in self.entry.files if not is_sound(self.folder / file.name, file)]

    def part(self, file: ModelFile) -> Path:
        """Tell where a file is while it is not all there."""
        path = self.folder / f"{file.name}.part"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def accept(self, file: ModelFile) -> None:
        """Take what lies at `part` for this file, or remove it. Raises EngineUnavailableError."""
        part = self.part(file)
        with part.open("rb") as source:
            found = list_sums(source)
        if file.sum not in found:
            size = part.stat().st_size
            part.unlink()
            raise EngineUnavailableError(
                f"{file.name} of {self.entry.full_name} is not what the catalogue knows: its sum "
                f"is {found[0]} ({size:,} bytes) and should be {file.sum} ({file.bytes:,} bytes). "
                "It was removed. Its source has changed or was damaged on the way: try again, or "
                "name another one with DUB_MODELS_URL or --from."
            )
        sync(part)
        part.replace(self.folder / file.name)

    def finish(self, came_from: str) -> None:
        """Put the model in its place."""
        at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        record = self.folder / RECORD
        with translating_full_disk(str(record)):
            text = Record(entry=self.entry, came_from=came_from, at=at).model_dump_json(indent=1)
            record.write_text(text + "\n")
        sync(record)
        for path in self.folder.rglob("*"):
            # Runs read it, whoever's they are, and change nothing.
            path.chmod(0o755 if path.is_dir() else 0o444)
        place = self.models.place(self.entry)
        # One that is there is damaged, or it would not have been asked for.
        shutil.rmtree(place, ignore_errors=True)
        self.folder.rename(place)
        sync(place.parent)


@contextlib.contextmanager
def staging(models: ModelFolder, entry: Entry) -> Iterator[Stage]:
    """Return the stage of a model, which nobody else works on meanwhile."""
    models.root.mkdir(parents=True, exist_ok=True)
    with (models.root / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineUnavailableError(
                f"Another process is changing the models in {models.root}. Wait for it, and try "
                "again."
            ) from error
        stage = Stage(models, entry)
        stage.folder.mkdir(parents=True, exist_ok=True)
        yield stage


def require_room(root: Path, needed: int) -> None:
    """Raise StorageFullError where so many bytes do not fit."""
    free = shutil.disk_usage(_nearest(root)).free
    if needed + _SPARE_BYTES > free:
        raise StorageFullError(
            f"{needed / 1e6:,.0f} MB are needed in {root}, and {free / 1e6:,.0f} MB are free. Free "
            "some, or name another folder with DUB_MODELS_DIR."
        )


def copy(source: IO[bytes], into: IO[bytes], told: Told, most: int) -> None:
    """Copy up to `most` bytes, whatever the source says of its size."""
    left = most
    while left > 0 and (block := source.read(min(BLOCK, left))):
        into.write(block)
        left -= len(block)
        told(len(block))


def is_sound(path: Path, file: ModelFile) -> bool:
    """Whether this is the file that the catalogue knows."""
    try:
        if path.stat().st_size != file.bytes:
            return False
        with path.open("rb") as source:
            return file.sum in list_sums(source)
    except OSError:
        return False


def list_sums(source: IO[bytes], most: int | None = None) -> list[str]:
    """Return the sums of what is left to read, up to `most` bytes, of each kind that a catalogue
    has."""
    kinds = (hashlib.sha256(), hashlib.md5(usedforsecurity=False))
    left = most
    while block := source.read(BLOCK if left is None else min(BLOCK, left)):
        for kind in kinds:
            kind.update(block)
        left = left and left - len(block)
    return [f"{kind.name}:{kind.hexdigest()}" for kind in kinds]


def sync(path: Path) -> None:
    """Have the disk hold it, as a power cut could leave a name without its bytes."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _nearest(path: Path) -> Path:
    """Find the folder itself, or the nearest above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
