"""Models from where they live in the world, or from a mirror.

    with Downloads(mirror="") as downloads:
        downloads.install(models, entry, told)

A connection that breaks is resumed where it broke, in this call or in the next one. A mirror is
any web server that shows a folder of models as it is.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast
from urllib.parse import quote

import httpx
from typing_extensions import Self

from dub_platform.core.errors import EngineUnavailableError
from resources.models.catalogue import Entry, ModelFile
from resources.models.installed import ModelFolder
from resources.models.staging import Stage, Told, copy, require_room, staging
from resources.system.disk import translating_full_disk

# Between tries that bring nothing, in seconds; after the last one it is given up.
_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
_TIMEOUT = httpx.Timeout(30.0)
# What is packed may be larger than its content by no more than this.
_PACKING_BYTES = 1_000_000
_PARTIAL, _NOT_IN_RANGE, _TOO_MANY = 206, 416, 429


class _BrokenOffError(Exception):
    """A try that the next one goes on from."""


class Downloads:
    """A client for downloads; `pause` waits between tries."""

    def __init__(self, mirror: str = "", pause: Callable[[float], None] = time.sleep) -> None:
        self._mirror = mirror.rstrip("/")
        self._pause = pause
        # Packed on the way, a download could not be resumed by its bytes.
        headers = {"Accept-Encoding": "identity", "User-Agent": "dub-platform"}
        self._client = httpx.Client(follow_redirects=True, timeout=_TIMEOUT, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def install(self, models: ModelFolder, entry: Entry, told: Told) -> None:
        """Get a model. Raises EngineUnavailableError, StorageFullError.

        `told` hears of every byte once, of those that an earlier call got too.
        """
        with staging(models, entry) as stage:
            missing = stage.list_missing()
            told(entry.bytes - sum(file.bytes for file in missing))
            needed = sum(_bytes_left(stage, file) for file in missing)
            require_room(models.root, needed)
            for file in missing:
                self._get(stage, file, told)
            stage.finish(self._mirror or entry.source or entry.address(entry.files[0]))

    def _get(self, stage: Stage, file: ModelFile, told: Told) -> None:
        address, packed = self._address(stage.entry, file)
        if not packed:
            self._fetch(address, stage.part(file), file.bytes, told, exact=True)
        else:
            archive = stage.part(file).with_suffix(".gz")
            self._fetch(address, archive, file.bytes + _PACKING_BYTES, _nobody, exact=False)
            _unpack(archive, stage.part(file), file, told)
        stage.accept(file)

    def _address(self, entry: Entry, file: ModelFile) -> tuple[str, bool]:
        """Tell where a file is got from, and whether it is packed there."""
        if not self._mirror:
            return entry.address(file), file.gzip
        path = f"{entry.kind}/{entry.name}/{entry.digest}/{file.name}"
        return f"{self._mirror}/{quote(path)}", False

    def _fetch(self, address: str, part: Path, most: int, told: Told, *, exact: bool) -> None:
        """Add to `part` what it lacks, as long as tries bring more of it."""
        told(most_before := _size(part))
        failed = 0
        while True:
            try:
                return self._append(address, part, most, told, exact=exact)
            except (httpx.TransportError, _BrokenOffError) as error:
                brought_more = _size(part) > most_before
                most_before = max(most_before, _size(part))
                failed = 0 if brought_more else failed + 1
                if failed > len(_PAUSES):
                    raise EngineUnavailableError(
                        f"{address} cannot be downloaded: {error or type(error).__name__}. What "
                        "came is kept, and the same command goes on from there. Where this machine "
                        "has no way to it, name a mirror with DUB_MODELS_URL, or bring the files "
                        "and use --from."
                    ) from error
            self._pause(_PAUSES[max(0, failed - 1)])

    def _append(self, address: str, part: Path, most: int, told: Told, *, exact: bool) -> None:
        have = _size(part)
        if exact and have >= most:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", address, headers=headers) as answer:
            if answer.status_code == _NOT_IN_RANGE:
                # All of it is here, or it was of another file: its sum tells.
                return
            if answer.status_code >= 500 or answer.status_code == _TOO_MANY:
                raise _BrokenOffError(f"it answered {answer.status_code}")
            if answer.is_error:
                raise EngineUnavailableError(
                    f"{address} answered {answer.status_code} {answer.reason_phrase}. Name a "
                    "mirror with DUB_MODELS_URL, or bring the files and use --from."
                )
            goes_on = answer.status_code == _PARTIAL and _begins_at(answer, have)
            if not goes_on:
                told(-have)
                have = 0
            with translating_full_disk(str(part)), part.open("ab" if goes_on else "wb") as into:
                for block in answer.iter_raw():
                    into.write(block)
                    told(len(block))
                    have += len(block)
                    if have > most:
                        break
        if exact and have < most:
            raise _BrokenOffError(f"it ended after {have:,} bytes")


def _nobody(_: int) -> None:
    """Ignore what is told of packed bytes, which are not those of the model."""


def _begins_at(answer: httpx.Response, place: int) -> bool:
    told = str(answer.headers.get("Content-Range", ""))
    return told.startswith(f"bytes {place}-")


def _bytes_left(stage: Stage, file: ModelFile) -> int:
    return file.bytes - _size(stage.part(file))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unpack(archive: Path, into: Path, file: ModelFile, told: Told) -> None:
    try:
        with (
            translating_full_disk(str(into)),
            gzip.open(archive) as source,
            into.open("wb") as target,
        ):
            copy(cast("IO[bytes]", source), target, told, file.bytes + 1)
    except (zlib.error, EOFError, gzip.BadGzipFile):
        # Whatever came out of it is refused by its sum.
        into.touch()
    archive.unlink()
