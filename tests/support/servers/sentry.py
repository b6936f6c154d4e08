"""A Sentry of the tests' own: it takes envelopes as sentry.io does, and keeps what came.

with SentryServer() as sentry:
    Reporter(sentry.dsn).report(error)
    [event] = sentry.events(1)
"""

from __future__ import annotations

import gzip
import json
import threading
from http import HTTPStatus
from typing import Any

import brotli

from tests.support.patience import HANG_SECONDS
from tests.support.servers.providers.local_server import JSON, Handler, LocalServer

UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress, "identity": bytes}


class SentryServer(LocalServer):
    """Everything that was sent is in `raw`, as it came and unpacked."""

    def __init__(self) -> None:
        super().__init__(_Envelopes)
        self.raw: list[bytes] = []
        self.came = threading.Condition()

    @property
    def dsn(self) -> str:
        """Where a client is told to report to."""
        return self.origin.replace("http://", "http://public-key@") + "/1"

    def events(self, count: int) -> list[dict[str, Any]]:
        """All events, once there are this many."""
        return self.items("event", count)

    def items(self, kind: str, count: int) -> list[dict[str, Any]]:
        """All items of a kind, once as many envelopes have come."""
        with self.came:
            self.came.wait_for(lambda: len(self.raw) >= count, HANG_SECONDS)
        return [item for body in self.raw for item in _items(kind, body)]


class _Envelopes(Handler):
    def post(self) -> None:
        unpacked = UNPACK[self.headers.get("content-encoding", "identity")](self.content())
        is_envelope = self.path == "/api/1/envelope/"
        if is_envelope:
            with self.provider.came:
                self.provider.raw.append(unpacked)
                self.provider.came.notify_all()
        status = HTTPStatus.OK if is_envelope else HTTPStatus.NOT_FOUND
        self.send(status, {"content-type": JSON}, b"{}")


def _items(kind: str, body: bytes) -> list[dict[str, Any]]:
    """An envelope is lines of JSON: its header, then each item's header and the item."""
    _, *lines = [json.loads(line) for line in body.splitlines() if line]
    items = zip(lines[::2], lines[1::2], strict=True)
    return [item for header, item in items if header["type"] == kind]
