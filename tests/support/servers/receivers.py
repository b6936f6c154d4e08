"""Receivers of webhooks: real servers that keep what they get and answer as they are told.

with receiving() as receiver:
    receiver.answers = [500, 204]            # the last one goes on
    receiver.url, receiver.place             # where it is, and its HOST:PORT
    receiver.got                             # what came, with headers and body
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.patience import HANG_SECONDS


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`hold` keeps it from answering, `flood` makes it answer without an end."""

    port: int
    scheme: str
    answers: list[int] = field(default_factory=lambda: [204])
    location: str = ""
    flood: bool = False
    got: list[Got] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    came: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.hold.set()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}/hook"

    def await_messages(self, count: int) -> list[Got]:
        """Wait for so many messages, and return the first of them."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.got) >= count, HANG_SECONDS)
        return self.got[:count]


@contextlib.contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port, under https if there is a certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server.server_port, "https" if tls else "http")
    server.RequestHandlerClass = _handler(receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with receiver.came:
                receiver.got.append(Got(self.path, headers, body))
                status = receiver.answers[min(len(receiver.got), len(receiver.answers)) - 1]
                receiver.came.notify_all()
            receiver.hold.wait(HANG_SECONDS)
            with contextlib.suppress(OSError):
                self._answer(status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            if receiver.location:
                self.send_header("location", receiver.location)
            self.end_headers()
            while receiver.flood:
                self.wfile.write(b"x" * 65_536)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
