"""One line in the log for each request, however it ends."""

from __future__ import annotations

import json
import socket
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from api.app import create_app
from api.request_log import Exchange
from dub_platform.core.service.access import Scope as AccessScope
from dub_platform.core.service.addresses import Networks
from dub_platform.registry.api_keys import ApiKeys
from tests.api.conftest import Log
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.services import YOUTUBE, Services, release

BIG = 64_000_000


def requests(log: Log) -> list[MutableMapping[str, Any]]:
    return [line for line in log if line["event"] == "request"]


def awaited(log: Log) -> MutableMapping[str, Any]:
    """The line of the one request, which a real server writes after its client has gone on."""
    wait_until(lambda: requests(log))
    [line] = requests(log)
    return line


def test_the_line_says_what_was_asked_and_answered(client: TestClient, log: Log) -> None:
    """The route without its values, the sizes of both bodies, who asked."""
    body = json.dumps({"source": YOUTUBE, "languages": ["es"]})
    # As it is: the line has the bytes that were sent.
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    answer = client.post("/videos", content=body, headers=headers)
    [line] = requests(log)
    assert {
        "method": "POST",
        "path": "/videos",
        "route": "/videos",
        "status": 202,
        "outcome": "answered",
        "bytes_in": len(body),
        "bytes_out": len(answer.content),
        "key_id": None,
        "client": "testclient",
    } == {name: line[name] for name in line if name not in ("event", "log_level", "ms")}
    assert line["ms"] > 0


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/videos/dQw4w9WgXcQ/dubs/es", "/videos/{id}/dubs/{language}"),
        ("/media/releases/a/b.m4a", "/media/{key}"),
        ("/static/style.css", "/static"),
        ("/nothing/here", "none"),
    ],
)
def test_a_line_has_the_routes_template(
    client: TestClient, log: Log, path: str, route: str
) -> None:
    """There are few of them, whatever is asked for."""
    client.get(path)
    assert [route] == [line["route"] for line in requests(log)]


def test_the_line_names_the_key_that_was_shown(
    services: Services, log: Log, tmp_path: Path
) -> None:
    """By its id; also where it may not do what was asked."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    key, token = keys.make(tenant="acme", scopes={AccessScope.READ})
    client = TestClient(create_app(replace(services, keys=keys)))
    header = {"authorization": f"Bearer {token.text}"}
    answers = [client.get("/videos", headers=header), client.post("/videos", headers=header)]
    assert [200, 403] == [answer.status_code for answer in answers]
    assert [key.id] * 2 == [line["key_id"] for line in requests(log)]


def test_the_line_names_the_client_behind_a_proxy(services: Services, log: Log) -> None:
    """As far as proxies that are trusted tell it."""
    behind = replace(services, proxies=Networks.parse("10.0.0.0/8"))
    client = TestClient(create_app(behind), client=("10.0.0.9", 5000))
    client.get("/health", headers={"x-forwarded-for": "198.51.100.1, 203.0.113.7"})
    assert ["203.0.113.7"] == [line["client"] for line in requests(log)]


def test_a_client_that_leaves_in_the_midst_of_an_answer_is_told_apart(
    server: str, services: Services, log: Log, tmp_path: Path
) -> None:
    """A player that is closed has not got what the status says."""
    made = release(services, YOUTUBE, "es")
    whole = tmp_path / "whole"
    whole.write_bytes(bytes(BIG))
    services.store.put_file(made.track_key, whole)
    address = urlsplit(server)
    with socket.create_connection((str(address.hostname), address.port or 80)) as client:
        client.sendall(f"GET /media/{made.track_key} HTTP/1.1\r\nhost: dub\r\n\r\n".encode())
        client.recv(1000)
    line = awaited(log)
    assert (200, "aborted", "/media/{key}") == (line["status"], line["outcome"], line["route"])


def test_an_upload_that_breaks_off_is_aborted(server: str, log: Log) -> None:
    """With the bytes that came."""
    address, boundary = urlsplit(server), "b"
    head = (
        "POST /videos HTTP/1.1\r\nhost: dub\r\ncontent-length: 1000000\r\n"
        f"content-type: multipart/form-data; boundary={boundary}\r\n\r\n"
    )
    part = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    with socket.create_connection((str(address.hostname), address.port or 80)) as client:
        client.sendall((head + part + "x" * 1000).encode())
    line = awaited(log)
    assert ("aborted", 499) == (line["outcome"], line["status"])
    assert line["bytes_in"] >= 1000


def test_a_whole_answer_over_a_real_connection_is_answered(
    server: str, services: Services, log: Log
) -> None:
    """Its body is counted as it was sent."""
    made = release(services, YOUTUBE, "es")
    got = httpx2.get(f"{server}/media/{made.track_key}", timeout=HANG_SECONDS)
    line = awaited(log)
    assert ("answered", len(got.content)) == (line["outcome"], line["bytes_out"])


@pytest.mark.anyio
async def test_an_answer_that_breaks_off_has_failed() -> None:
    """Its status was sent before the mistake."""
    exchange = Exchange({"type": "http", "method": "GET", "path": "/"})

    async def nothing(_: Message) -> None:
        return

    async def waiting() -> Message:
        return {"type": "http.request"}

    send = exchange.sending(nothing, waiting)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    assert (200, 4, "failed") == (exchange.status, exchange.sent, exchange.outcome)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_the_request_that_asked_is_in_the_row(client: TestClient, services: Services) -> None:
    """Who handed it in, and who asked for one language more."""
    asked = {"source": YOUTUBE, "languages": ["es"]}
    client.post("/videos", json=asked, headers={"x-request-id": "req-1"})
    client.put(f"/videos/{YOUTUBE}/dubs/ca", headers={"x-request-id": "req-2"})
    dubs = [services.registry.dub(YOUTUBE, code).request_id for code in ("es", "ca")]
    assert ("req-1", ["req-1", "req-2"]) == (services.registry.video(YOUTUBE).request_id, dubs)


def test_what_is_shown_of_the_services_has_no_secret(services: Services) -> None:
    """Its reporter knows them all."""
    assert "hunter2" not in repr(
        replace(services, reporter=type(services.reporter)(secrets=["hunter2"]))
    )
