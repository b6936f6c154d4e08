"""How many answers that last there is room for, and for how long they are waited for."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.middleware.room import SPARED, open_more_files, places
from api.middleware.slow_bodies import AnswerTimeout
from dub_platform.registry.records import NewVideo, Source
from tests.api.conftest import Log
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.services import YOUTUBE, Services, make_services, running

KEY = f"releases/{YOUTUBE}/film/1.mp4"
# More than a connection's two ends buffer.
FILM_BYTES = 24_000_000


@pytest.fixture
def film(services: Services) -> str:
    """The address of a long film."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    services.store.put_bytes(KEY, b"\0" * FILM_BYTES)
    return f"/media/{KEY}"


@contextlib.contextmanager
def asking(server: str, path: str) -> Iterator[socket.socket]:
    """A client that has asked for a file, and reads nothing by itself."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(HANG_SECONDS)
        client.connect(("127.0.0.1", int(server.rpartition(":")[2])))
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode())
        yield client


def read_whole(client: socket.socket) -> int:
    """How many bytes come before the connection ends."""
    count = 0
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            count += len(part)
    return count


def line_of_request(log: Log) -> MutableMapping[str, Any]:
    """What is logged of the one request, once it has ended."""
    wait_until(lambda: "request" in {each["event"] for each in log})
    return next(each for each in log if each["event"] == "request")


def end_of(log: Log) -> str:
    """How the request for the film ended, once it has."""
    return str(line_of_request(log)["outcome"])


def test_who_does_not_read_is_given_up(
    film: str, server: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends, and with it the file that was open for it."""
    monkeypatch.setattr("api.middleware.slow_bodies.UNREAD_SECONDS", 0.2)
    with asking(server, film) as client:
        assert "aborted" == end_of(log)
        assert film.rpartition("/")[2] not in {
            Path(file.path).name for file in psutil.Process().open_files()
        }
        assert read_whole(client) < FILM_BYTES


def test_who_reads_slowly_gets_all(film: str, server: str, log: Log) -> None:
    """Waiting for a part is no fault of who takes it in the end."""
    with asking(server, film) as client:
        assert read_whole(client) > FILM_BYTES
    assert "answered" == end_of(log)


def test_what_is_left_of_an_answer_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has written it all, and would hold the connection until it is read."""
    monkeypatch.setattr("api.middleware.slow_bodies.UNREAD_SECONDS", 0.5)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"\0" * FILM_BYTES})

    with running(AnswerTimeout(app)) as server, asking(server, "/") as client:
        own = client.getsockname()
        wait_until(lambda: own not in {each.raddr for each in psutil.Process().net_connections()})


def viewer(server: str, path: str) -> int:
    """What one more viewer is answered."""
    return httpx.get(f"{server}{path}", timeout=HANG_SECONDS, trust_env=False).status_code


def test_one_client_has_so_many_files_at_once(
    film: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is told to wait, and pages are there for it all the same."""
    monkeypatch.setattr("api.middleware.room.MOST_OF_ONE", 2)
    with asking(server, film) as one, asking(server, film) as other:
        for client in (one, other):
            client.recv(1)
        refused = httpx.get(f"{server}{film}", timeout=HANG_SECONDS, trust_env=False)
        assert (503, "too_busy") == (refused.status_code, refused.json()["code"])
        assert "5" == refused.headers["retry-after"]
        assert 200 == viewer(server, "/videos")
    wait_until(lambda: viewer(server, film) == 200)


def test_all_clients_have_as_many_as_there_are_descriptors_for(tmp_path: Path) -> None:
    """So that the process takes connections whatever is read from it."""
    services = make_services(tmp_path, most_files=SPARED + 2)
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    services.store.put_bytes(KEY, b"\0" * FILM_BYTES)
    with running(create_app(services)) as server, asking(server, f"/media/{KEY}") as client:
        client.recv(1)
        assert 503 == viewer(server, f"/media/{KEY}")


def test_a_process_opens_as_many_files_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual soft limit of 1,024 is no more than some hundred viewers."""
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 20_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    assert 20_000 == open_more_files()
    assert [(20_000, 20_000)] == set_to
    assert 9_872 == places(20_000)
