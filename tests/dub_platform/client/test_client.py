"""The client, against the platform itself on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from dub_platform.client import (
    DubClient,
    LineChangedError,
    RefusedError,
    UnreachableError,
    WrongUseError,
    tag_of,
)
from dub_platform.client.retries import Retries
from tests.api.routes.test_lines import TEXTS
from tests.dub_platform.client.scripts import release_with_lines
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    make_clip,
    make_services,
    release,
    running,
    serving,
)


class Losing:
    """An app whose first answers are lost after its work is done."""

    def __init__(self, app: ASGIApp, answers: list[Response]) -> None:
        self.app = app
        self.answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.answers:
            await self.app(scope, receive, send)
            return

        async def lose(_: object) -> None:
            pass

        await self.app(scope, receive, lose)
        await self.answers.pop()(scope, receive, send)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path)


@pytest.fixture
def client(services: Services) -> Iterator[DubClient]:
    with serving(services) as url, DubClient(url) as client:
        yield client


@pytest.fixture
def pauses() -> list[float]:
    return []


def test_a_file_is_handed_in(client: DubClient, tmp_path: Path) -> None:
    """Under its name; the same again is the same video."""
    clip = str(make_clip(tmp_path / "A harbor.mp4"))
    first, again = client.add(clip, ["es", "ca"]), client.add(clip, ["es"])
    assert (True, "A harbor") == (first["created"], first["title"])
    assert (False, first["id"]) == (again["created"], again["id"])
    assert ["ca", "es"] == [dub["language"] for dub in client.video(first["id"])["dubs"]]


def test_a_link_is_handed_in_and_removed(client: DubClient) -> None:
    """What is removed is refused like what never was."""
    assert YOUTUBE == client.add(YOUTUBE, ["es"])["id"]
    client.remove(YOUTUBE)
    with pytest.raises(RefusedError, match="There is no video") as refused:
        client.video(YOUTUBE)
    assert (404, "video_not_found") == (refused.value.status, refused.value.code)
    assert refused.value.request_id


def test_every_video_is_met_once(client: DubClient, services: Services) -> None:
    """Over as many pages as there are."""
    ids = [f"{number:011}" for number in range(101)]
    for video_id in ids:
        release(services, video_id, "es")
    assert ids == sorted(video["id"] for video in client.videos())


def test_lines_are_read_and_edited(client: DubClient, services: Services) -> None:
    """And go back to their translation."""
    release_with_lines(services)
    assert "Hay calma." == client.edit(YOUTUBE, "es", 1, "Hay calma.")["text"]
    lines = client.lines(YOUTUBE, "es")
    assert [False, True, False] == [line["edited"] for line in lines]
    assert TEXTS[1] == client.revert(YOUTUBE, "es", 1)["text"]


def test_a_line_that_was_changed_is_not_written_over(client: DubClient, services: Services) -> None:
    """Who comes second is told what it says now, and can say that this is meant."""
    release_with_lines(services)
    tag = tag_of(client.line(YOUTUBE, "es", 1))
    client.edit(YOUTUBE, "es", 1, "Hay calma.", tag=tag)
    with pytest.raises(LineChangedError, match=r"It says now: Hay calma\.") as changed:
        client.edit(YOUTUBE, "es", 1, "Todo tranquilo.", tag=tag)
    with pytest.raises(LineChangedError):
        client.edit_lines(YOUTUBE, "es", {0: "Buenas.", 1: "Tranquilo."}, tags={1: tag})
    assert (TEXTS[0], "Hay calma.") == tuple(
        line["text"] for line in client.lines(YOUTUBE, "es")[:2]
    )
    client.edit(YOUTUBE, "es", 1, "Todo tranquilo.", tag=tag_of(changed.value.line))


def test_a_new_release_alone_keeps_nobody_from_editing(services: Services) -> None:
    """The line is another, as it stands elsewhere, and says the same."""
    release_with_lines(services)
    refusals = [Response(status_code=412)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "PUT" and refusals:
            await refusals.pop()(scope, receive, send)
        else:
            await create(scope, receive, send)

    create = create_app(services)
    with running(app) as url, DubClient(url) as client:
        assert "Hay calma." == client.edit(YOUTUBE, "es", 1, "Hay calma.")["text"]


def test_a_lost_answer_is_asked_for_again(
    services: Services, pauses: list[float], tmp_path: Path
) -> None:
    """The video was taken in the first time, and that is what the client reads in the end."""
    clip = str(make_clip(tmp_path / "clip.mp4"))
    lost = [Response(status_code=502), JSONResponse({}, 503, {"retry-after": "7"})]
    with running(Losing(create_app(services), lost)) as url:
        client = DubClient(url, retries=Retries(sleep=pauses.append))
        assert client.add(clip, ["es"])["created"]
    assert (7.0, True) == (pauses[0], 0.5 <= pauses[1] <= 1.0)


def test_a_refusal_is_not_asked_for_again(services: Services, pauses: list[float]) -> None:
    """It would be the same."""
    with serving(services) as url, pytest.raises(RefusedError) as refused:
        DubClient(url, retries=Retries(sleep=pauses.append)).add(YOUTUBE, ["xx"])
    assert ("language_unknown", []) == (refused.value.code, pauses)


def test_who_asks_for_a_longer_pause_than_anybody_waits_is_not_asked_again(
    pauses: list[float],
) -> None:
    """Its refusal says for how long."""
    problem = {"code": "rate_limited", "detail": "Wait 2047 s.", "request_id": "a"}
    answer = JSONResponse(problem, 429, {"retry-after": "2047"})
    with running(answer) as url, pytest.raises(RefusedError, match="Wait 2047 s"):
        DubClient(url, retries=Retries(sleep=pauses.append)).video(YOUTUBE)
    assert [] == pauses


def test_what_is_no_platform_is_told(pauses: list[float]) -> None:
    """An address that is none, and one where something else answers."""
    for url in ("dub.example.com", "ftp://dub.example.com", "http://"):
        with pytest.raises(WrongUseError, match="DUB_URL"):
            DubClient(url)
    with running(Response("<p>Hello.</p>")) as url, pytest.raises(RefusedError, match="DUB_URL"):
        DubClient(url).video(YOUTUBE)


def test_the_key_goes_to_nobody_but_the_platform(services: Services) -> None:
    """A released file may be in another's bucket."""
    seen: list[dict[bytes, bytes]] = []

    async def bucket(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(dict(scope["headers"]))
            await Response("1")(scope, receive, send)

    with serving(services) as url, running(bucket) as elsewhere:
        assert b"1" == DubClient(url, "dub_secret").file(f"{elsewhere}/es.srt")
    assert b"authorization" not in seen[0]


def test_who_does_not_answer_is_said_so(services: Services, pauses: list[float]) -> None:
    """After as many tries as there are, each after a longer pause."""
    with serving(services) as url:
        pass
    with pytest.raises(UnreachableError, match="DUB_URL"):
        DubClient(url, retries=Retries(tries=4, sleep=pauses.append)).video(YOUTUBE)
    assert 3 == len(pauses)
    assert pauses == sorted(pauses)


def test_the_key_goes_with_every_request() -> None:
    """As a bearer's; and what is in between need not speak as the platform does."""
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(dict(scope["headers"])[b"authorization"])
            await Response("Forbidden", 403)(scope, receive, send)

    with running(app) as url, pytest.raises(RefusedError, match="Forbidden") as refused:
        DubClient(url, "dub_secret").video(YOUTUBE)
    assert ([b"Bearer dub_secret"], "http_error") == (seen, refused.value.code)


def test_where_it_is_and_the_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either, the platform of this machine."""
    monkeypatch.setenv("DUB_URL", "https://dub.example.com")
    monkeypatch.setenv("DUB_API_KEY", "dub_secret")
    named = DubClient.from_environment()._http
    monkeypatch.delenv("DUB_URL")
    monkeypatch.delenv("DUB_API_KEY")
    unnamed = DubClient.from_environment()._http
    assert httpx.URL("https://dub.example.com/") == httpx.URL(str(named.base_url).rstrip("/") + "/")
    assert "Bearer dub_secret" == named.headers["authorization"]
    assert ("127.0.0.1", None) == (unnamed.base_url.host, unnamed.headers.get("authorization"))


def test_this_machine_is_reached_without_a_proxy(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One would ask for itself; a platform elsewhere is asked for through it."""
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with serving(services) as url, DubClient(url) as here:
        assert [] == list(here.videos())
    with DubClient("http://dub.test") as there:
        assert "all://" in [pattern.pattern for pattern in there._http._mounts]
