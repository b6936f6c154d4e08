"""What stands before the servers in production, run by Caddy as it is written."""

from __future__ import annotations

import contextlib
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from api.app import create_app
from api.routes import events
from dub_platform.client import DubClient, Retries
from dub_platform.core.service.addresses import Networks
from dub_platform.local.stack import CHECKOUT
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.platform import free_ports
from tests.support.rig.services import YOUTUBE, default_limits, make_services, release
from tests.support.rig.services import running as serving_app

CADDY = Path(sysconfig.get_path("scripts")) / "caddy"
PASSWORD = "correct horse"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
STOP = 'mutation{shutdownRepositoryLocation(repositoryLocationName:"dub_platform"){__typename}}'


class _Told(BaseHTTPRequestHandler):
    """Answers with what it was told of the client's address."""

    def do_GET(self) -> None:
        body = self.headers.get("X-Forwarded-For", "").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A server of the deployment."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Told) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def running(
    caddyfile: Path, url: str, variables: Mapping[str, str], home: Path
) -> Iterator[httpx.Client]:
    """Caddy with this file, its own in `home`; a client of it."""
    command = [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(caddyfile)]
    # Caddy keeps notes in the home of its user, or where it was started.
    environment = {**variables, "HOME": str(home)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as caddy:
        try:
            with httpx.Client(base_url=url, timeout=HANG_SECONDS, trust_env=False) as client:
                wait_until(lambda: _answers(client))
                yield client
        finally:
            caddy.terminate()


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/healthz").status_code < 500
    return False


@pytest.fixture(scope="module")
def proxy(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of `proxy` that sends the password, as a browser that remembers it does."""
    (port,) = free_ports(1)
    text = (CHECKOUT / "deploy" / "proxy" / "Caddyfile").read_text()
    for name in ("webserver:3000", "flower:5555", "grafana:3000"):
        text = text.replace(name, upstream)
    file = tmp_path_factory.mktemp("proxy") / "Caddyfile"
    file.write_text(text.replace(":8080", f":{port}"))
    hashed = subprocess.run(
        [CADDY, "hash-password", "--plaintext", PASSWORD],
        capture_output=True,
        check=True,
        text=True,
    )
    variables = {"PROXY_USER": "operator", "PROXY_PASSWORD_HASH": hashed.stdout.strip()}
    with running(file, f"http://127.0.0.1:{port}", variables, file.parent) as client:
        client.auth = ("operator", PASSWORD)
        yield client


@pytest.mark.parametrize("headers", [{}, PAGE, LINK, {"Sec-Fetch-Site": "none"}])
def test_an_operator_opens_pages_and_follows_links_to_them(
    proxy: httpx.Client, headers: Mapping[str, str]
) -> None:
    """With the password, and not without it."""
    assert 200 == proxy.get("/runs", headers=headers).status_code
    assert 401 == httpx.get(proxy.base_url.join("/runs"), headers=headers).status_code


@pytest.mark.parametrize("path", ["/graphql", "/flower/api/worker/shutdown/a", "/grafana/api/x"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {**LINK, "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_another_sites_page_asks_for_nothing(
    proxy: httpx.Client, path: str, headers: Mapping[str, str]
) -> None:
    """Whatever the browser remembers."""
    assert [403, 403] == [
        proxy.get(path, headers=headers).status_code,
        proxy.post(path, headers=headers, json={}).status_code,
    ]


@pytest.mark.parametrize("headers", [{}, LINK, {"Sec-Fetch-Site": "none"}])
def test_a_link_holds_no_query(proxy: httpx.Client, headers: Mapping[str, str]) -> None:
    """It could be a mutation."""
    answer = proxy.get("/graphql", params={"query": STOP}, headers=headers)
    assert 403 == answer.status_code
    assert 200 == proxy.post("/graphql", json={"query": STOP}, headers=PAGE).status_code


def test_a_page_of_its_own_asks(proxy: httpx.Client) -> None:
    """It says where it is from."""
    own = {**PAGE, "Origin": f"http://127.0.0.1:{proxy.base_url.port}"}
    assert 200 == proxy.post("/graphql", json={}, headers=own).status_code


@pytest.mark.parametrize(
    ("trusted", "told"), [("127.0.0.0/8", "203.0.113.7, 127.0.0.1"), ("10.0.0.0/8", "127.0.0.1")]
)
def test_front_tells_clients_of_a_tls_proxy_apart(
    upstream: str, tmp_path: Path, trusted: str, told: str
) -> None:
    """It believes the proxy that ends TLS before it, and nobody else."""
    (port,) = free_ports(1)
    variables = {
        "API_PORT": str(port),
        "API_UPSTREAMS": upstream,
        "FRONT_TRUSTED_PROXIES": trusted,
    }
    file = CHECKOUT / "deploy" / "api" / "Caddyfile"
    with running(file, f"http://127.0.0.1:{port}", variables, tmp_path) as front:
        wait_until(lambda: 200 == front.get("/videos").status_code)
        assert told == front.get("/videos", headers={"X-Forwarded-For": "203.0.113.7"}).text


@contextlib.contextmanager
def limited(home: Path) -> Iterator[tuple[Starlette, str, httpx.Client]]:
    """The API with the limits that it has by default, behind `front`: it, its address, a viewer."""
    services = make_services(home, limits=default_limits(), proxies=Networks.parse("127.0.0.0/8"))
    release(services, YOUTUBE, "es")
    app, (port,) = create_app(services), free_ports(1)
    file, url = CHECKOUT / "deploy" / "api" / "Caddyfile", f"http://127.0.0.1:{port}"
    with serving_app(app) as upstream:
        address = upstream.removeprefix("http://")
        variables = {"API_PORT": str(port), "API_UPSTREAMS": address}
        with running(file, url, variables, home) as viewer:
            wait_until(lambda: 200 == viewer.get("/health").status_code)
            yield app, url, viewer


def test_who_watches_through_front_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For ten minutes: two windows, which ask every 8 s, and play parts of the film."""
    film, now = f"/media/releases/{YOUTUBE}/film/1.mp4", time.time()
    with limited(tmp_path) as (_, _, viewer):
        for second in range(0, 600, 8):
            monkeypatch.setattr(time, "time", lambda at=now + second: at)
            answers = [
                *(viewer.get("/watch", params={"v": YOUTUBE}) for _ in range(2)),
                *(viewer.get(film, headers={"range": "bytes=0-3"}) for _ in range(2)),
            ]
            assert [200, 200, 206, 206] == [answer.status_code for answer in answers]


def test_who_waits_through_front_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than a day: a stream lasts an hour, here the twentieth of a second."""
    monkeypatch.setattr(events, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.02)
    pauses: list[float] = []
    told: list[str] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(min(seconds, 0.2))

    with limited(tmp_path) as (app, url, _), ThreadPoolExecutor(1) as pool:
        client = DubClient(url, retries=Retries(sleep=pause, tell=told.append))
        client.ask(YOUTUBE, "ca")
        waiting = pool.submit(client.wait, YOUTUBE)
        wait_until(lambda: len(pauses) > 25 or waiting.done())
        release(app.state.services, YOUTUBE, "ca")
        assert "released" == waiting.result(HANG_SECONDS)["dubs"][0]["status"]
    assert [] == told
