"""Uploads on the wire: limits, a client that goes away, and where the bytes are meanwhile."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from resources.system.workfolder import WorkFolders
from tests.api.conftest import Log
from tests.api.test_bad_input import assert_refused
from tests.support.full_disks import no_file_beyond
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.services import MAX_UPLOAD_BYTES, Services

HEAD = (
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n'
    b"Content-Type: video/mp4\r\n\r\n"
)
FORM = {"content-type": "multipart/form-data; boundary=edge"}


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    return socket.create_connection((address.hostname, address.port), timeout=HANG_SECONDS)


def begin_upload(client: socket.socket, declared: int) -> None:
    """The head of a request that promises `declared` bytes."""
    lines = [
        "POST /videos HTTP/1.1",
        "Host: dub.test",
        "Content-Type: multipart/form-data; boundary=edge",
        f"Content-Length: {declared}",
    ]
    client.sendall("\r\n".join([*lines, "", ""]).encode())


def open_in(folder: Path) -> list[str]:
    """Files of this process that are open below `folder`, by name or without one."""
    links: list[str] = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(handle.readlink()))
        except FileNotFoundError:
            continue
    return [link for link in links if link.startswith(str(folder))]


def test_a_declared_length_over_the_limit_is_refused_before_the_body(
    server: str, services: Services
) -> None:
    """The answer is there though not one byte of the body was sent."""
    with connected(server) as client:
        begin_upload(client, MAX_UPLOAD_BYTES + 1)
        answer = client.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "connection: close" in answer
    assert [] == list(services.spool_dir.iterdir())


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(
    server: str, services: Services
) -> None:
    """A client that declares nothing is counted, and cut at the limit."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield HEAD
        for _ in range(1000):
            sent += 100_000
            yield b"x" * 100_000

    answer = httpx2.post(f"{server}/videos", content=endless(), headers=FORM, timeout=HANG_SECONDS)
    assert_refused(answer, 413, "upload_too_large", services)
    assert sent < 100_000_000
    wait_until(lambda: not open_in(services.spool_dir))


def test_an_upload_in_progress_is_a_file_without_a_name(
    server: str, services: Services, log: Log
) -> None:
    """What is half here lies on the spool's disk, and would die with the process."""
    with connected(server) as client:
        begin_upload(client, MAX_UPLOAD_BYTES)
        client.sendall(HEAD + b"x" * 2_000_000)
        wait_until(lambda: open_in(services.spool_dir))
        assert [] == list(services.spool_dir.iterdir())
    wait_until(lambda: [line for line in log if line["event"] == "request"])


def test_a_client_that_goes_away_leaves_nothing(server: str, services: Services, log: Log) -> None:
    """A connection cut in mid-upload is a line in the log, and neither a file nor an error."""
    with connected(server) as client:
        begin_upload(client, MAX_UPLOAD_BYTES)
        client.sendall(HEAD + b"x" * 2_000_000)
        wait_until(lambda: open_in(services.spool_dir))
    wait_until(lambda: [line for line in log if line["event"] == "request"])
    assert [499] == [line["status"] for line in log if line["event"] == "request"]
    assert ([], []) == (open_in(services.spool_dir), list(services.spool_dir.iterdir()))


def test_what_a_killed_process_left_is_gone_at_the_next_start(services: Services) -> None:
    """And what another process of the API is at is not touched."""
    with WorkFolders(services.spool_dir).new("upload") as at_work:
        (services.spool_dir / "upload-killed.work").mkdir()
        with TestClient(create_app(services)):
            assert [at_work] == list(services.spool_dir.iterdir())


@pytest.mark.parametrize("padding", [0, 1_500_000], ids=["to name it", "while it comes"])
def test_a_full_disk_leaves_nothing_and_takes_the_same_later(
    client: TestClient, services: Services, clip: Path, log: Log, padding: int
) -> None:
    """Small uploads are in memory until they are named, larger ones are spooled as they come."""
    # What follows the last box of an MP4 is nobody's.
    film = clip.read_bytes() + struct.pack(">I4s", padding + 8, b"free") + bytes(padding)
    request: dict[str, Any] = {"files": {"file": ("a.mp4", film)}, "data": {"languages": "es"}}
    with no_file_beyond(10_000):
        answer = client.post("/videos", **request)
    assert_refused(answer, 507, "storage_full", services)
    log.remove(next(line for line in log if line["log_level"] == "error"))
    assert ([], False) == (open_in(services.spool_dir), services.store.root.exists())
    assert 202 == client.post("/videos", **request).status_code
