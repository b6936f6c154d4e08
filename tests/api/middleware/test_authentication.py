"""Keys: what opens what, and what is said to those for whom it stays closed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from api.app import create_app
from api.caller import OPEN, OPEN_BELOW
from api.middleware.authentication import Authentication
from dub_platform.core.service.access import Scope, Token
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.database.tables import utc_now
from dub_platform.registry.ledger import Spent
from dub_platform.registry.records import NewVideo, Source
from tests.api.conftest import Log
from tests.api.routes.test_videos import questions
from tests.support.rig.services import YOUTUBE, Services, make_services, release

METHODS = ("get", "post", "put", "patch", "delete")
NOBODYS = Token("3f9c51a07be2", "x" * 43).text
READ_WRITE = {Scope.READ, Scope.WRITE}
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def services(tmp_path: Path, keys: ApiKeys) -> Services:
    return make_services(tmp_path, keys=keys)


@pytest.fixture
def bearer(keys: ApiKeys) -> Bearer:
    """The header of a new key."""

    def header(tenant: str = "acme", scopes: set[Scope] = READ_WRITE) -> dict[str, str]:
        _, token = keys.make(tenant=tenant, scopes=scopes)
        return {"authorization": f"Bearer {token.text}"}

    return header


def requests(services: Services) -> Iterator[tuple[str, str]]:
    """Every method of every address that the app has, with an id where one belongs."""
    for route in create_app(services).routes:
        if isinstance(route, Mount):
            yield "GET", f"{route.path}/style.css"
        elif isinstance(route, Route):
            methods = route.methods or {m.upper() for m in METHODS if hasattr(route.endpoint, m)}
            path = route.path.replace("{language}", "es").replace("{key:path}", "releases/x")
            path = path.replace("{number}", "1").replace("{id}", YOUTUBE)
            yield from ((method, path) for method in methods)


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


def body_for(path: str) -> dict[str, Any]:
    """What is right for who has the video."""
    line = {"text": "Bon dia."}
    bodies: dict[str, dict[str, Any]] = {"lines": {"lines": [{"number": 1, **line}]}, "1": line}
    return bodies.get(path.rpartition("/")[2], {})


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_every_address_that_is_not_open_asks_for_a_key(
    client: TestClient, services: Services
) -> None:
    """Also one that nobody thought of when it was added, and one that is not there."""
    closed = [request for request in requests(services) if not is_open(request[1])]
    assert len(closed) > 8
    for method, path in [*closed, ("GET", "/nothing"), ("POST", "/health/x")]:
        answer = client.request(method, path)
        assert (401, path) == (answer.status_code, path)
        assert 'Bearer realm="dub_platform"' == answer.headers["www-authenticate"]
        if method != "HEAD":
            assert "key_required" == answer.json()["code"]


def test_what_people_and_probes_ask_for_is_open(client: TestClient) -> None:
    """Pages, their style, the contract, and the probes."""
    for path in (
        *sorted(OPEN - {"/watch", "/embed", "/oembed", "/edit", "/help"}),
        "/static/style.css",
    ):
        assert (200, path) == (client.get(path).status_code, path)


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer",
        "Bearer ",
        "Bearer dub_",
        "Basic dXNlcjpwYXNz",
        f"Bearer {NOBODYS}",
        f"Token {NOBODYS}",
        "Bearer dub_" + "a" * 5000,
        "Bearer dub_3f9c51a07be2_" + "ä" * 43,
    ],
)
def test_a_wrong_key_opens_nothing(client: TestClient, sent: str) -> None:
    """All wrong ones are told the same."""
    answer = client.get("/videos", headers=[(b"authorization", sent.encode("latin-1"))])
    assert (401, "key_invalid") == code_of(answer)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_two_keys_at_once_are_none(client: TestClient, bearer: Bearer) -> None:
    """A proxy in front could have looked at the other one."""
    both = [*bearer("acme").items(), *bearer("globex").items()]
    assert (401, "key_invalid") == code_of(client.get("/videos", headers=both))


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_ended_opens_nothing(client: TestClient, keys: ApiKeys, how: str) -> None:
    """From the next request on."""
    ends = utc_now() - timedelta(seconds=1) if how == "expired" else None
    _, token = keys.make(tenant="acme", scopes=READ_WRITE, expires_at=ends)
    header = {"authorization": f"Bearer {token.text}"}
    if how == "revoked":
        assert 200 == client.get("/videos", headers=header).status_code
        keys.revoke("acme", token.id)
    assert (401, "key_invalid") == code_of(client.get("/videos", headers=header))


@pytest.mark.parametrize(
    ("scope", "opened"),
    [
        (Scope.READ, {"GET /videos"}),
        (Scope.WRITE, {"POST /videos"}),
        (Scope.ADMIN, {"GET /keys"}),
    ],
)
def test_a_key_opens_what_its_scope_says(
    client: TestClient, bearer: Bearer, scope: Scope, opened: set[str]
) -> None:
    """And for the rest it is told which scope is missing."""
    header = bearer("acme", {scope})
    for request, wanted in (
        ("GET /videos", "read"),
        ("POST /videos", "write"),
        ("GET /keys", "admin"),
    ):
        answer = client.request(*request.split(), headers=header)
        if request in opened:
            assert answer.status_code not in (401, 403)
        else:
            assert (403, "scope_missing") == code_of(answer)
            assert f'scope="{wanted}"' in answer.headers["www-authenticate"]


def test_a_key_is_named_in_the_request_and_its_secret_nowhere(
    client: TestClient, keys: ApiKeys, log: Log
) -> None:
    """The id is what an operator looks for; whoever reads the log cannot use it."""
    _, token = keys.make(tenant="acme", scopes=READ_WRITE)
    app = client.app
    noted: list[Any] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        noted.append(scope["state"]["key_id"])

    with TestClient(noting) as noticed:
        header = {"authorization": f"Bearer {token.text}"}
        answer = noticed.get("/videos", headers=header)
    assert [token.id] == noted[-1:]
    assert token.secret not in f"{answer.text}{answer.headers}{log}{token!r}"


def test_another_tenants_video_is_not_there(
    client: TestClient, services: Services, bearer: Bearer
) -> None:
    """At no address that names a video, with no method, and word for word as if it never was."""
    release(services, YOUTUBE, "es")
    theirs, unknown = bearer("globex"), "x" * 11
    asked = [(m, p) for m, p in requests(services) if p.startswith(f"/videos/{YOUTUBE}")]
    assert len(asked) > 3
    for method, path in asked:
        answers = [
            client.request(method, named, headers=theirs, json=body_for(named))
            for named in (path, path.replace(YOUTUBE, unknown))
        ]
        assert [404, 404] == [answer.status_code for answer in answers]
        if method != "HEAD":
            told = [answer.json() for answer in answers]
            assert "video_not_found" == told[0]["code"]
            assert told[0]["detail"].replace(YOUTUBE, unknown) == told[1]["detail"]
    assert [] == client.get("/videos", headers=theirs).json()["videos"]


def test_the_same_video_of_two_tenants_is_two(
    client: TestClient, services: Services, bearer: Bearer, clip: Path
) -> None:
    """Neither answer says that somebody else has it: not its id, its title, nor `created`."""
    for order in (
        {"json": {"source": YOUTUBE, "languages": ["es"]}},
        {"files": {"file": ("a.mp4", clip.read_bytes())}, "data": {"languages": "es"}},
    ):
        told = [
            client.post("/videos", headers=bearer(tenant), **order).json()
            for tenant in ("acme", "globex", "default")
        ]
        assert [True] * 3 == [video["created"] for video in told]
        assert 3 == len({video["id"] for video in told})
        again = client.post("/videos", headers=bearer("acme"), **order).json()
        assert (told[0]["id"], False) == (again["id"], again["created"])
    kept = services.registry.of("acme").video(told[0]["id"])
    assert ("acme", None) == (kept.tenant, kept.source_id)


def test_a_tenants_youtube_video_knows_its_name_there(
    client: TestClient, services: Services, bearer: Bearer
) -> None:
    """Its id tells YouTube nothing, so the row does."""
    order = {"source": YOUTUBE, "languages": ["es"]}
    told = client.post("/videos", headers=bearer("acme"), json=order).json()
    assert YOUTUBE not in told["id"]
    assert YOUTUBE == services.registry.video(told["id"]).source_id


def test_a_tenant_sees_what_it_spent(
    client: TestClient, services: Services, bearer: Bearer
) -> None:
    """What another's dub of the same cost is on another's bill."""
    order = {"source": YOUTUBE, "languages": ["es"]}
    ids = [
        client.post("/videos", headers=bearer(tenant), json=order).json()["id"]
        for tenant in ("acme", "globex")
    ]
    spent: dict[str, Spent] = {ids[0]: {"es": 0.25}, ids[1]: {}}
    paid = replace(services, spent=lambda _: spent)
    with TestClient(create_app(paid)) as client:
        assert [0.25, 0.0] == [
            client.get(f"/videos/{video_id}", headers=bearer(tenant)).json()["cost_usd"]
            for tenant, video_id in zip(("acme", "globex"), ids, strict=True)
        ]


def test_without_keys_there_is_one_tenant(tmp_path: Path) -> None:
    """Everybody reads and writes what is the default tenant's, and nobody manages keys."""
    services = make_services(tmp_path)
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    services.registry.of("acme").accept(NewVideo("a" * 11, Source.YOUTUBE), ["es"])
    with TestClient(create_app(services)) as client:
        assert [YOUTUBE] == [video["id"] for video in client.get("/videos").json()["videos"]]
        assert (403, "scope_missing") == code_of(client.get("/keys"))


@pytest.mark.anyio
async def test_keys_that_are_sent_at_the_same_time_are_looked_up_together(
    services: Services, keys: ApiKeys
) -> None:
    """In one question; each opens what is its tenant's, and a wrong one nothing."""
    made = [keys.make(tenant=name, scopes={Scope.READ})[1] for name in ("acme", "globex")]
    wrong = Token(made[0].id, made[1].secret)
    seen: list[tuple[str, str | None]] = []

    async def note(scope: AsgiScope, receive: Receive, send: Send) -> None:
        seen.append((scope["path"], scope["state"]["caller"].tenant or None))

    async def never(*_: object) -> Any:
        raise AssertionError

    identified = Authentication(note, services.keys)
    sent = {"/acme": made[0], "/globex": made[1], "/wrong": wrong}
    scopes = [
        {
            "type": "http",
            "path": path,
            "headers": [(b"authorization", f"Bearer {token.text}".encode())],
        }
        for path, token in sent.items()
        for _ in range(10)
    ]
    with questions() as asked:
        await asyncio.gather(*(identified(scope, never, never) for scope in scopes))
    expected = {("/acme", "acme"): 10, ("/globex", "globex"): 10, ("/wrong", None): 10}
    assert expected == Counter(seen)
    assert 1 == len([each for each in asked if each.startswith("SELECT")])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
