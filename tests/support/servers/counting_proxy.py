"""A proxy before a store that counts what is asked of it, and can be as far away as R2 is.

    with CountingProxy(running_swift().endpoint) as proxy:
        client(proxy.origin, KEY_ID, SECRET).get_object(...)
    proxy.asked         # [("GET", "/bucket/key"), ...]

What it hands on is what it was given, host and signature too, so the server behind it checks
everything that it checks without.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support.servers.providers.local_server import Handler, LocalServer

_OF_A_CONNECTION = frozenset({"connection", "content-length", "expect", "transfer-encoding"})


class CountingProxy(LocalServer):
    """Every request takes `takes_seconds` more than the server behind needs."""

    def __init__(self, endpoint: str, takes_seconds: float = 0.0) -> None:
        super().__init__(_Forwarded)
        self.behind = str(urlsplit(endpoint).netloc)
        self.takes_seconds = takes_seconds
        self.asked: list[tuple[str, str]] = []

    def count(self, part: str, *methods: str) -> int:
        """How many requests had this in their path, of these methods, or of any."""
        return sum(part in path for method, path in self.asked if method in (methods or method))

    def forget(self) -> None:
        """Count from here on."""
        self.asked.clear()


class _Forwarded(Handler, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.provider.asked.append((self.command, self.path))
        self.provider.ended.wait(self.provider.takes_seconds)
        with contextlib.closing(http.client.HTTPConnection(self.provider.behind)) as behind:
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            body = self.content()
            for name, value in _pick_end_to_end(self.headers.items()):
                behind.putheader(name, value)
            behind.putheader("Content-Length", str(len(body)))
            behind.endheaders(body)
            answer = behind.getresponse()
            content = answer.read()
        # Of an answer to HEAD it is the length of what is not sent.
        length = answer.getheader("Content-Length", str(len(content)))
        self.send_response_only(answer.status)
        for name, value in (*_pick_end_to_end(answer.getheaders()), ("Content-Length", length)):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()


def _pick_end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _OF_A_CONNECTION]
