"""A file on its way from a client to the store.

    async with received(request, limit) as form:            # on disk, not in memory
        with spooled(form["file"].file, spool_dir) as spool: # named, hashed, gone at the end
            store.put_file(key, spool.path)

While it comes in, an upload is a file without a name: a process that is killed leaves nothing.
What the client calls the file is never a path here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Message, Receive

from dub_platform.core.errors import (
    EmptyBodyError,
    InvalidRequestError,
    UploadTooLargeError,
)
from dub_platform.core.titles import plain
from resources.system.disk import full_disk_named
from resources.system.workfolder import WorkFolders
from resources.transcriber.cues import NotTextError, decode_text, is_webvtt, read_cues

MAX_FILES = 2
MAX_FIELDS = 24
# A glossary can be as long in a form as it is in JSON.
MAX_JSON_BYTES = MAX_FIELD_BYTES = 64 * 1024
MAX_CAPTIONS_BYTES = 2_000_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Spool:
    """An upload under a name of ours, with the sha256 and the size of its content."""

    path: Path
    sha256: str
    bytes: int


@contextlib.asynccontextmanager
async def received(request: Request, limit: int) -> AsyncIterator[FormData]:
    """The multipart form, its files on disk for as long as the block lasts.

    Raises EmptyBodyError, UploadTooLargeError, StorageFullError; HTTPException 400 for a body
    that is no form.
    """
    limited = Request(request.scope, within(request, limit))
    with full_disk_named("the upload"):
        async with limited.form(
            max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
        ) as form:
            if not form:
                raise EmptyBodyError("No whole field arrived: send the video as the field `file`.")
            yield form


def within(request: Request, limit: int) -> Receive:
    """The request's messages, as long as its body stays within `limit` bytes.

    Raises UploadTooLargeError: at once when the length is declared, else when it is passed.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return receive


@contextlib.contextmanager
def spooled(file: BinaryIO, spool_dir: Path) -> Iterator[Spool]:
    """The upload under a name, because the tools that read it want one.

    Raises EmptyBodyError, StorageFullError.
    """
    with WorkFolders(spool_dir).new("upload") as folder:
        path, digest = folder / "upload.media", hashlib.sha256()
        with path.open("wb") as named:
            while block := file.read(_BLOCK):
                digest.update(block)
                named.write(block)
        if not path.stat().st_size:
            raise EmptyBodyError("The file is empty: nothing arrived. Hand it in again.")
        yield Spool(path, digest.hexdigest(), path.stat().st_size)


@dataclass(frozen=True)
class Captions:
    """Captions that can be read; `kind` is the suffix of their format."""

    kind: str
    text: str


def captions_in(file: BinaryIO) -> Captions:
    """The captions in the file, whatever it is called. Raises InvalidRequestError."""
    data = file.read(MAX_CAPTIONS_BYTES + 1)
    if len(data) > MAX_CAPTIONS_BYTES:
        raise InvalidRequestError(
            f"The captions are larger than {MAX_CAPTIONS_BYTES // 1_000_000} MB: is this the "
            "right file?"
        )
    try:
        text = decode_text(data)
    except NotTextError as error:
        raise InvalidRequestError(
            f"The captions cannot be read: {error}. Save them as text in UTF-8."
        ) from error
    if not any(cue.rows for cue in read_cues(text)):
        raise InvalidRequestError(
            "The captions cannot be read as SubRip, WebVTT or SBV: no cue is in them."
        )
    return Captions("vtt" if is_webvtt(text) else "srt", text)


def title_from(name: str | None) -> str:
    """A title from what the client calls the file: its last part, as plain text."""
    last = re.split(r"[/\\]", name or "")[-1]
    return plain(Path(last).stem)


def _too_large(limit: int) -> UploadTooLargeError:
    return UploadTooLargeError(
        f"The request is larger than the {limit / 1_000_000:g} MB that are taken here. Send less, "
        "or ask the operator to raise the limit."
    )
