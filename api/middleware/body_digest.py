"""A digest of a request, to tell whether a second request is the same as the first.

    digest = BodyDigest(request, limit)
    ...digest.receive...                # handed to whoever reads the body
    await digest.whole()                # 64 hex digits; None if a form cannot be parsed

The body is hashed while the handler reads it. A form is hashed part by part, because a client that
sends the same form again separates its parts by another boundary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.types import Message

from api.uploads import limit_body


class _Form:
    """Hashes a multipart form as the list of its parts: the headers and the content of each."""

    def __init__(self, boundary: bytes) -> None:
        self.whole = hashlib.sha256()
        self._head, self._content = hashlib.sha256(), hashlib.sha256()
        # _into gets a digest's name and not the digest, because each part of the form starts new
        # ones.
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._into("_head"),
            "on_header_value": self._into("_head"),
            "on_part_data": self._into("_content"),
            "on_part_end": self._end,
        }
        self.write: Callable[[bytes], object] = MultipartParser(boundary, callbacks).write

    def _into(self, name: str) -> Callable[[bytes, int, int], None]:
        return lambda data, start, end: getattr(self, name).update(data[start:end])

    def _begin(self) -> None:
        self._head, self._content = hashlib.sha256(), hashlib.sha256()

    def _end(self) -> None:
        self.whole.update(self._head.digest() + self._content.digest())


class BodyDigest:
    """Hashes the body of a request as it is read.

    `receive` raises UploadTooLargeError over the limit.
    """

    def __init__(self, request: Request, limit: int) -> None:
        self._receive = limit_body(request, limit)
        self._ended = self._broken = False
        kind, options = parse_options_header(request.headers.get("content-type"))
        self._about = f"{request.url.path}?{request.url.query} {kind.decode('latin-1')}"
        boundary = options.get(b"boundary")
        self._form = _Form(boundary) if boundary else None
        self._plain = hashlib.sha256()

    async def receive(self) -> Message:
        """Return the next message of the request, and add it to the digest."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._note(message.get("body", b""))
            self._ended = not message.get("more_body", False)
        return message

    async def whole(self) -> str | None:
        """Read the rest of the body and return the digest of the request in hex.

        None if the client left before the end of the body, or if the form cannot be parsed.
        """
        while not self._ended:
            if (await self.receive())["type"] != "http.request":
                return None
        if self._broken:
            return None
        body = self._form.whole if self._form else self._plain
        return hashlib.sha256(f"{self._about} {body.hexdigest()}".encode()).hexdigest()

    def _note(self, data: bytes) -> None:
        if self._form is None:
            self._plain.update(data)
            return
        try:
            self._form.write(data)
        except MultipartParseError:
            self._broken = True
