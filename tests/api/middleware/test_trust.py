"""Where requests come from: this machine, a proxy, a page of another site."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from starlette import types
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.core.service.access import Scope
from dub_platform.core.service.addresses import Networks, one_of
from dub_platform.registry.api_keys import ApiKeys
from tests.api.conftest import Log
from tests.api.test_uploads import connected
from tests.support.patience import wait_until
from tests.support.rig.services import YOUTUBE, Services, make_services

HERE, THERE = "127.0.0.1", "203.0.113.7"
ORDER = {"source": YOUTUBE, "languages": ["es"]}


@pytest.fixture
def local(tmp_path: Path) -> Services:
    """Services for this machine alone."""
    return make_services(tmp_path, is_local=True)


def asking(services: Services, address: str, **headers: str) -> tuple[int, str | None]:
    """What is answered to a client with this address and these headers."""
    headers.setdefault("host", "localhost:5001")
    with TestClient(create_app(services), client=(address, 50_000)) as client:
        answer = client.get("/videos", headers={k.replace("_", "-"): v for k, v in headers.items()})
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("name", ["localhost:5001", "127.0.0.1:5001", "[::1]:5001", "localhost"])
def test_this_machine_is_answered(local: Services, address: str, name: str) -> None:
    """By each of its own addresses and names."""
    assert (200, None) == asking(local, address, host=name)


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        (THERE, {}),
        ("::ffff:203.0.113.7", {}),
        ("169.254.1.1", {}),
        (HERE, {"host": "evil.example:5001"}),
        (HERE, {"host": "localhost.evil.example"}),
        (HERE, {"x_forwarded_for": THERE}),
        (HERE, {"forwarded": "for=203.0.113.7"}),
        (THERE, {"x_forwarded_for": HERE}),
    ],
)
def test_nobody_else_is_answered(local: Services, address: str, headers: dict[str, str]) -> None:
    """Not another machine, a name that a page elsewhere makes lead here, or what a proxy sent."""
    assert (403, "request_not_local") == asking(local, address, **headers)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("dub.test", 200),
        ("DUB.test.:443", 200),
        ("10.0.0.7:5001", 200),
        ("[2001:db8::7]:5001", 200),
        ("localhost:5001", 200),
        ("api:5001", 200),
        ("evil.example", 421),
        ("dub.test.evil.example:5001", 421),
        ("10.0.0.7.evil.example", 421),
    ],
)
def test_without_keys_only_names_that_nobody_else_has_are_answered(
    client: TestClient, services: Services, host: str, status: int
) -> None:
    """To a browser, a page whose name was led here is one of ours: it would read and change."""
    sent = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert status == client.get("/videos", headers=sent).status_code
    answer = client.post("/videos", headers=sent, json=ORDER)
    assert (
        (status == 200) == (answer.status_code == 202) == services.registry.was_asked_for(YOUTUBE)
    )
    assert 200 == client.get("/ready", headers=sent).status_code


def test_with_keys_any_name_is_answered(tmp_path: Path) -> None:
    """No page elsewhere has a key."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    services = make_services(tmp_path, keys=keys)
    _, token = keys.make(tenant="acme", scopes={Scope.READ})
    sent = {"host": "another.example", "authorization": f"Bearer {token.text}"}
    assert 200 == TestClient(create_app(services)).get("/videos", headers=sent).status_code


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /videos HTTP/1.1\r\nHost: dub.test\r\n", 200),
        ("GET /videos HTTP/1.0\r\n", 200),
        ("GET /videos HTTP/1.1\r\n", 400),
        ("GET /videos HTTP/1.1\r\nHost: dub.test\r\nHost: evil.example\r\n", 400),
        ("GET /videos HTTP/1.0\r\nHost: dub.test\r\nHost: dub.test\r\n", 400),
        ("GET /videos\r\n", 400),
    ],
)
def test_a_request_is_for_one_host(server: str, head: str, status: int) -> None:
    """Of two, what stands in front may have read the other."""
    with connected(server) as client:
        client.sendall(f"{head}Connection: close\r\n\r\n".encode())
        assert str(status) == said_by(client).split(" ")[1]


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        (THERE, [], THERE),
        (THERE, ["8.8.8.8"], THERE),
        ("10.0.0.2", ["8.8.8.8"], "8.8.8.8"),
        ("10.0.0.2", ["1.1.1.1, 8.8.8.8"], "8.8.8.8"),
        ("10.0.0.2", ["1.1.1.1", "8.8.8.8, 10.0.0.3"], "8.8.8.8"),
        ("10.0.0.2", ["8.8.8.8, nonsense"], "10.0.0.2"),
        ("10.0.0.2", ["10.0.0.9, 10.0.0.3"], "10.0.0.9"),
        ("::ffff:10.0.0.2", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.2", [], "10.0.0.2"),
    ],
)
def test_an_address_is_told_by_proxies_that_are_trusted(
    tmp_path: Path, peer: str, told: list[str], client: str
) -> None:
    """The last that no such proxy has; what stands before it, the client can have written."""
    seen: list[str] = []
    app = create_app(make_services(tmp_path, proxies=Networks.parse("10.0.0.0/8")))

    async def noting(scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        await app(scope, receive, send)
        seen.append(scope["client"] and scope["client"][0])

    asked = TestClient(noting, client=(peer, 50_000))
    asked.get("/health", headers=[("x-forwarded-for", each) for each in told])
    assert [client] == seen


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_who_counts_as_one(text: str, who: str) -> None:
    """An address, or a network that one household was given."""
    assert who == one_of(text)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://["},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
    ],
)
def test_a_page_of_another_site_changes_nothing(
    client: TestClient, services: Services, headers: dict[str, str]
) -> None:
    """Its form, its script and its sandboxed frame are refused, whatever they send."""
    answer = client.post("/videos", headers=headers, json=ORDER)
    assert (403, "request_cross_site") == (answer.status_code, answer.json()["code"])
    assert not services.registry.was_asked_for(YOUTUBE)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://testserver"},
        {"origin": "http://dub.test"},
        {"sec-fetch-site": "same-origin", "origin": "http://testserver"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_page_of_ours_and_a_program_are_served(
    client: TestClient, headers: dict[str, str]
) -> None:
    """By the name that it was reached at, or the one that people are given."""
    assert 202 == client.post("/videos", headers=headers, json=ORDER).status_code


def test_a_link_from_another_site_can_be_followed(client: TestClient) -> None:
    """Who only asks changes nothing."""
    headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert 200 == client.get("/videos", headers=headers).status_code


@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "forwarded", "x-forwarded-proto"])
def test_no_link_is_made_of_what_a_request_says(client: TestClient, header: str) -> None:
    """A cache or a mail with such a link would send people elsewhere."""
    sent = {"host": "testserver", header: "evil"}
    told = client.post("/videos", headers=sent, json=ORDER)
    pages = [client.get(path, headers=sent) for path in ("/", "/videos", f"/watch?v={YOUTUBE}")]
    assert [202, 200, 200, 200] == [answer.status_code for answer in (told, *pages)]
    assert not any("evil" in f"{answer.text}{answer.headers}" for answer in (told, *pages))


@pytest.mark.parametrize(
    "path", ["/videos/", "/watch/", "/docs/", "/health/", "/metrics/", "/static", "/media"]
)
def test_an_address_with_a_slash_too_many_leads_nowhere(client: TestClient, path: str) -> None:
    """Least of all to a host that the request names."""
    answer = client.get(path, headers={"host": "evil"}, follow_redirects=False)
    assert (404, "not_found") == (answer.status_code, answer.json()["code"])
    assert "evil" not in f"{answer.text}{answer.headers}"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies are waited for as in production, but a hundredth as long."""
    monkeypatch.setattr("api.middleware.slow_bodies.IDLE_SECONDS", 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("POST /videos", "application/json"),
        ("POST /videos", "multipart/form-data; boundary=edge"),
        (f"PUT /videos/{YOUTUBE}/dubs/es", "application/json"),
    ],
)
def test_a_body_that_does_not_come_is_not_waited_for(
    server: str, services: Services, log: Log, path: str, kind: str
) -> None:
    """The connection is answered and closed, and nothing of what came is kept."""
    with connected(server) as client:
        head = f"{path} HTTP/1.1\r\nHost: dub.test\r\nContent-Type: {kind}\r\n"
        client.sendall(f"{head}Content-Length: 1000\r\n\r\n--edge".encode())
        answer = said_by(client)
    assert answer.startswith("HTTP/1.1 408 ")
    assert ("body_too_slow" in answer, "connection: close" in answer) == (True, True)
    wait_until(lambda: [line for line in log if line["event"] == "request"])
    assert [] == list(services.spool_dir.iterdir())


@pytest.mark.usefixtures("hurried")
def test_a_drip_is_no_body(server: str, log: Log) -> None:
    """A byte now and then would hold a connection for as long as it likes."""
    with connected(server) as client:
        head = "POST /videos HTTP/1.1\r\nHost: dub.test\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: 60000\r\n\r\n".encode())
        client.settimeout(0.02)
        answer = b""
        while not answer:
            try:
                answer = client.recv(65_536)
            except TimeoutError:
                client.sendall(b" ")
    assert answer.startswith(b"HTTP/1.1 408 ")
    wait_until(lambda: [line for line in log if line["event"] == "request"])


def said_by(client: socket.socket) -> str:
    return b"".join(iter(lambda: client.recv(65_536), b"")).decode()
