"""Who may ask Dagster's UI."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from dub_platform.core.errors import LinkExpiredError
from dub_platform.core.service.links import Links
from dub_platform.processes.webserver import OwnPagesOnly, signing_routes
from dub_platform.settings import Settings

LOCAL = "http://127.0.0.1:3000"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
STRANGERS: tuple[Mapping[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {**LINK, "Sec-Fetch-Dest": "iframe"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Host": "127.0.0.1.evil.example:3000"},
)
OWN: tuple[Mapping[str, str], ...] = (
    {},
    {"Host": "localhost:3000"},
    {"Host": "[::1]:3000"},
    {"Sec-Fetch-Site": "same-origin", "Origin": LOCAL},
    {"Sec-Fetch-Site": "none"},
    {"Host": "dagster.example.org"},
)


def client(base_url: str = LOCAL) -> TestClient:
    """A client of a guarded server at this address."""

    async def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse("done")

    async def stream(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("done")
        await websocket.close()

    app = Starlette(
        routes=[
            WebSocketRoute("/graphql", stream),
            Route("/{path:path}", answer, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(OwnPagesOnly, url="https://dagster.example.org")],
    )
    return TestClient(app, base_url=base_url)


@pytest.mark.parametrize("headers", OWN)
def test_its_own_pages_and_programs_are_answered(headers: Mapping[str, str]) -> None:
    """By any name of this machine, and by the one that people use."""
    assert "done" == client().get("/runs", headers=headers).text
    assert "done" == client().post("/graphql", headers=headers, json={"query": "{}"}).text
    with client().websocket_connect(
        "ws://127.0.0.1:3000/graphql", headers=dict(headers)
    ) as websocket:
        assert "done" == websocket.receive_text()


@pytest.mark.parametrize("headers", STRANGERS)
def test_another_sites_page_is_refused(headers: Mapping[str, str]) -> None:
    """Whatever it asks, and over a websocket too."""
    for answer in (
        client().get("/runs", headers=headers),
        client().post("/graphql", headers=headers, json={"query": "{}"}),
    ):
        assert 403 == answer.status_code
        assert "Open it at its own address" in answer.text
    with (
        pytest.raises(WebSocketDisconnect),
        client().websocket_connect(
            "ws://127.0.0.1:3000/graphql", headers=dict(headers)
        ) as websocket,
    ):
        websocket.receive_text()


def test_a_link_may_lead_here() -> None:
    """As those on the platform's own pages do, which have another port."""
    assert "done" == client().get("/assets", headers=LINK).text


@pytest.mark.parametrize("headers", [{}, LINK, {"Sec-Fetch-Site": "none"}])
def test_no_address_holds_a_query(headers: Mapping[str, str]) -> None:
    """A link could, and Dagster takes mutations so."""
    answer = client().get("/graphql", params={"query": "mutation{x}"}, headers=headers)
    assert 403 == answer.status_code


def test_behind_a_proxy_any_name_is_its_own() -> None:
    """The proxy knows which names lead to it; it is not reached at a loopback address."""
    behind = client("http://dagster.internal:3000")
    assert "done" == behind.get("/runs", headers={"Host": "dagster.example.com"}).text


SECRET = "a-secret-of-more-than-thirty-two-characters"
UPLOAD = f"up-{'0' * 32}"
RELEASED = f"releases/{UPLOAD}/es/1/track.m4a"


@pytest.mark.parametrize(
    ("asked", "leads_to", "query"),
    [
        (f"/dub/watch?v={UPLOAD}&lang=es", "/watch", {"v": UPLOAD, "lang": "es"}),
        (f"/dub/watch?v={UPLOAD}", "/watch", {"v": UPLOAD}),
        (f"/dub/media/{RELEASED}", f"/media/{RELEASED}", {}),
    ],
)
def test_an_operators_link_is_signed_when_it_is_followed(
    asked: str, leads_to: str, query: Mapping[str, str]
) -> None:
    """Of a page and of a file, for as long as any signed link is good."""
    answer = signing_client(SECRET).get(asked, follow_redirects=False)
    address = urlsplit(answer.headers["location"])
    said = dict(parse_qsl(address.query))
    expires, signature = said.pop("expires"), said.pop("signature")
    assert (307, f"https://dub.test{leads_to}", query) == (
        answer.status_code,
        f"{address.scheme}://{address.netloc}{address.path}",
        said,
    )
    assert "no-store" == answer.headers["cache-control"]
    now = datetime.now(timezone.utc)
    assert Links(SECRET).check(UPLOAD, expires, signature, now)
    with pytest.raises(LinkExpiredError):
        Links(SECRET).check(UPLOAD, expires, signature, now + timedelta(hours=26))


@pytest.mark.parametrize(
    "asked",
    [
        "/dub/watch?v=https://evil.example",
        "/dub/watch",
        "/dub/media/releases/../videos/x",
        f"/dub/media/videos/{UPLOAD}/upload.media",
    ],
)
def test_an_operators_link_leads_to_videos_alone(asked: str) -> None:
    """It is no way to any other page, and signs nothing else."""
    answer = signing_client(SECRET).get(asked, follow_redirects=False)
    assert (404, None) == (answer.status_code, answer.headers.get("location"))


def test_an_operators_link_needs_no_secret_where_nothing_is_signed() -> None:
    """It leads to the page as it is."""
    answer = signing_client(None).get(f"/dub/watch?v={UPLOAD}", follow_redirects=False)
    assert f"https://dub.test/watch?v={UPLOAD}" == answer.headers["location"]


def signing_client(secret: str | None) -> TestClient:
    """A client of the ways that sign with this secret."""
    settings = Settings.model_validate(
        {"public_url": "https://dub.test", "link_secret": secret, "auth": "keys"}
    )
    return TestClient(Starlette(routes=signing_routes(settings)), base_url=LOCAL)
