"""Answers that are sent smaller to whoever takes them so: JSON, pages, scripts and styles.

Left as they are: media and captions, of which clients ask for ranges, streams of events, and what
shows a secret, such as a signed link. How small that becomes would tell of it to somebody who can
have it sent beside words of his own (BREACH). An ETag names the content, however it is sent.
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


class Compressed:
    """Compresses what may be, for clients that say they take gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and not scope["path"].startswith(_MEDIA):
            # The other one only tells caches that there are two.
            app = (
                _Responder(app, LEAST_BYTES, LEVEL)
                if _takes_gzip(scope)
                else IdentityResponder(app, LEAST_BYTES)
            )
        await app(scope, receive, send)


class _Responder(GZipResponder):
    """Leaves an answer with a secret in it as it is."""

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        name, value = SHOWS_SECRET
        headers = Headers(raw=self.initial_message["headers"])
        if headers.get(name) == value or (not more_body and _SIGNED in body):
            return body
        if not more_body and len(body) < self.thread_minimum_size:
            compressor = _fitting(len(body))
            return compressor.compress(body) + compressor.flush()
        return await super().apply_compression(body, more_body=more_body)


def _fitting(length: int) -> zlib._Compress:
    """What compresses so many bytes at once as small as any, without a table that is larger.

    The usual one is 256 KiB: to make it takes five times as long as to compress a video's answer.
    """
    bits = min(max((length - 1).bit_length(), _LEAST_BITS), zlib.MAX_WBITS)
    return zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP + bits, bits - 7)


def _takes_gzip(scope: Scope) -> bool:
    takes = Headers(scope=scope).get("accept-encoding", "").replace(" ", "").split(",")
    return any(each.partition(";")[0] == "gzip" and not each.endswith(";q=0") for each in takes)
