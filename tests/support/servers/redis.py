"""A Redis of the test's own, as the broker of workers.

with running_redis() as url:
    ...
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator

from tests.support.patience import wait_until


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """A server on a free port that keeps nothing on disk; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with redis_at(port):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def redis_at(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process of such a server, for who stops and kills it."""
    with tempfile.TemporaryDirectory(prefix="dub-redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            ["redis-server", *options, "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            _await_port(port)
            yield server
        finally:
            server.kill()
            server.wait()


def _await_port(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)
