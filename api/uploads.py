"""Receives a file that a client uploads: first to disk, then to the store.

    async with receive_form(request, limit) as form:            # on disk, not in memory
        with spool_upload(form["file"].file, spool_dir) as spool:  # named, hashed, then deleted
            store.put_file(key, spool.path)

While it arrives, the upload is a file without a name, so a killed process leaves nothing behind.
The client's file name is never used as a path.
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
from dub_platform.core.service.titles import make_plain
from resources.system.disk import translating_full_disk
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
    """An uploaded file on disk, with the SHA-256 and the size of its content."""

    path: Path
    sha256: str
    bytes: int


@contextlib.asynccontextmanager
async def receive_form(request: Request, limit: int) -> AsyncIterator[FormData]:
    """Parse the multipart form within the block; its files are on disk.

    Raises EmptyBodyError, UploadTooLargeError, StorageFullError; HTTPException 400 for a body that
    is no form.
    """
    limited = Request(request.scope, limit_body(request, limit))
    with translating_full_disk("the upload"):
        async with limited.form(
            max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
        ) as form:
            if not form:
                raise EmptyBodyError("No whole field arrived: send the video as the field `file`.")
            yield form


def limit_body(request: Request, limit: int) -> Receive:
    """Return the request's `receive`, limited to a body of `limit` bytes.

    It raises UploadTooLargeError: at once if Content-Length is larger, else when the limit is
    passed.
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
def spool_upload(file: BinaryIO, spool_dir: Path) -> Iterator[Spool]:
    """Copy the upload into a file with a name, which ffmpeg needs, and hash it; deleted after the
    block.

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
    """Captions in a readable format; `kind` is the file suffix of that format."""

    kind: str
    text: str


def captions_in(file: BinaryIO) -> Captions:
    """Read captions, whatever the file is called. Raises InvalidRequestError."""
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
    """Make a title from the client's file name: its last part without suffix, as plain text."""
    last = re.split(r"[/\\]", name or "")[-1]
    return make_plain(Path(last).stem)


def _too_large(limit: int) -> UploadTooLargeError:
    return UploadTooLargeError(
        f"The request is larger than the {limit / 1_000_000:g} MB that are taken here. Send less, "
        "or ask the operator to raise the limit."
    )
