"""Compresses answers with gzip, for clients that accept it: JSON, pages, scripts and styles.

Not compressed are media and captions (clients ask for byte ranges of them), streams of events, and
answers that show a secret, such as a signed link: somebody who can place text of their own in such
an answer could read the secret from the compressed length (BREACH). An ETag names the content, so
it is the same with and without compression.
"""

from __future__ import annotations

import zlib

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Receive, Scope, Send

from api.caller import OPEN_BELOW
from api.middleware.sealing import SHOWS_SECRET

LEAST_BYTES = 500
# Beyond this, JSON gets a hundredth smaller in twice the time.
LEVEL = 6
_LEAST_BITS = 9
_GZIP = 16
_MEDIA = OPEN_BELOW[1]
_SIGNED = b"signature="


class Compression:
    """Compresses the answer of a request whose client accepts gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and not scope["path"].startswith(_MEDIA):
            # IdentityResponder sends `Vary` only: caches must keep the two forms apart.
            app = (
                _Responder(app, LEAST_BYTES, LEVEL)
                if _accepts_gzip(scope)
                else IdentityResponder(app, LEAST_BYTES)
            )
        await app(scope, receive, send)


class _Responder(GZipResponder):
    """Compresses an answer, unless it shows a secret."""

    # Whether this answer is sent in parts, which are one stream of gzip.
    is_in_parts = False

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        name, value = SHOWS_SECRET
        headers = Headers(raw=self.initial_message["headers"])
        self.is_in_parts = self.is_in_parts or more_body
        if headers.get(name) == value or (not self.is_in_parts and _SIGNED in body):
            return body
        if not self.is_in_parts and len(body) < self.thread_minimum_size:
            compressor = _compressor_for(len(body))
            return compressor.compress(body) + compressor.flush()
        return await super().apply_compression(body, more_body=more_body)


def _compressor_for(length: int) -> zlib._Compress:
    """Make a gzip compressor for a body of `length` bytes, with a window no larger than the body.

    zlib's default window needs tables of 256 KiB: making those takes five times as long as
    compressing the JSON of one video.
    """
    bits = min(max((length - 1).bit_length(), _LEAST_BITS), zlib.MAX_WBITS)
    return zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP + bits, bits - 7)


def _accepts_gzip(scope: Scope) -> bool:
    takes = Headers(scope=scope).get("accept-encoding", "").replace(" ", "").split(",")
    # `gzip;q=0` is a refusal (RFC 9110, section 12.4.2).
    return any(each.partition(";")[0] == "gzip" and not each.endswith(";q=0") for each in takes)
