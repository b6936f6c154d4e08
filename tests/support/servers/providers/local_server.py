"""What the local providers are made of: a free port of this machine, answered in threads.

class NextProvider(LocalServer):
    def __init__(self) -> None:
        super().__init__(_Handler)      # a Handler, whose `provider` is the NextProvider

with NextProvider() as server:
    httpx.get(server.origin)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from typing_extensions import Self

JSON = "application/json"


class LocalServer:
    """A server in threads of this process, from `with` to its end, at which `ended` is set.

    It takes `takes_seconds` before it answers, as those do that have work to do.
    """

    takes_seconds = 0.0

    def __init__(self, handler: type[Handler]) -> None:
        self.ended = threading.Event()
        self._lock = threading.Lock()
        ours = type("Handler", (handler,), {"provider": self})
        self._http = _Threads(("127.0.0.1", 0), ours)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def origin(self) -> str:
        """Where it answers, without a path."""
        return f"http://127.0.0.1:{self._http.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request of a LocalServer. What was asked is in the provider's account, not in a log."""

    provider: ClassVar[Any]
    protocol_version = "HTTP/1.1"
    # An answer in two packets would otherwise wait for the first one to be acknowledged.
    disable_nagle_algorithm: ClassVar[bool] = True
    drip_seconds = 0.05

    def do_POST(self) -> None:
        self.provider.ended.wait(self.provider.takes_seconds)
        self.post()

    def post(self) -> None:
        """Answer."""
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def content(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def head(self, status: int, headers: Mapping[str, object]) -> None:
        """Send the first line and the headers of an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def send(self, status: int, headers: Mapping[str, object], body: bytes) -> None:
        """Send a whole answer."""
        self.head(status, {**headers, "content-length": len(body)})
        self.wfile.write(body)

    def send_half(self, headers: Mapping[str, object], body: bytes) -> None:
        """Promise the whole body, and hang up in the middle of it."""
        self.head(200, {**headers, "content-length": len(body)})
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def drip(self, headers: Mapping[str, object], body: bytes) -> None:
        """Send a byte at a time, for as long as somebody waits."""
        self.head(200, {**headers, "content-length": len(body)})
        self.close_connection = True
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.provider.ended.wait(self.drip_seconds):
                return


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 turns callers away whom no provider would.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what half of the tests are about; all else is a mistake."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
