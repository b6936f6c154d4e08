"""Waiting for a dub: one stream, through whatever happens to the platform meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from api.app import create_app
from api.rate_limiting import Limits
from dub_platform.client import DubClient, RefusedError, Retries
from dub_platform.client.command import main
from dub_platform.registry import Work
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    make_services,
    release,
    running,
    serving,
)

WHY = {"code": "engine_failed", "message": "The voice ended.", "retryable": True}
Script = list[Callable[[], Response]]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path)


@dataclass
class Platform:
    """A platform with one dub, which answers who listens as its script says, one after the other.

    The dub is released when the script is at its end.
    """

    script: Script
    asked: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/videos", self._list),
                Route(f"/videos/{YOUTUBE}", self._video),
                Route(f"/videos/{YOUTUBE}/events", self._events),
                Route(f"/videos/{YOUTUBE}/dubs/es", self._video, methods=["PUT"]),
            ]
        )

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"videos": []})

    async def _video(self, request: Request) -> Response:
        self.asked.append(request.method)
        ended = {"status": "queued"} if self.script else {"status": "released"}
        links = {"watch": f"http://dub.test/watch?v={YOUTUBE}&lang=es"}
        dub = {"language": "es", "language_name": "Spanish", "links": links, **times(), **ended}
        video = {"id": YOUTUBE, "title": "A harbor", "status": "prepared", "cost_usd": 0, **times()}
        if request.method == "PUT":
            return JSONResponse(dub, 202)
        return JSONResponse({**video, "dubs": [dub], "language": "en"})

    async def _events(self, request: Request) -> Response:
        self.seen.append(request.headers["last-event-id"])
        return self.script.pop(0)()


def times() -> dict[str, str]:
    return {"created_at": "2026-11-30T12:00:00Z", "updated_at": "2026-11-30T12:00:00Z"}


def event(number: int, kind: str, **data: object) -> str:
    """A message of a stream."""
    about = {"video_id": YOUTUBE, "language": "es", "generation": 1, **data}
    told = {"type": kind, "timestamp": f"2026-11-30T12:00:{number:02}+00:00", "data": about}
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(told)}\n\n"


def stream(*messages: str) -> Callable[[], Response]:
    """An answer with these, which ends as the stream of a process does that ends."""

    async def lines() -> AsyncIterator[str]:
        yield "retry: 3000\n\n: a sign of life\n\n"
        for message in messages:
            yield message

    return lambda: StreamingResponse(lines(), media_type="text/event-stream")


def broken(*messages: str) -> Callable[[], Response]:
    """The same, cut off."""

    async def lines() -> AsyncIterator[str]:
        for message in messages:
            yield message
        raise ConnectionError

    return lambda: StreamingResponse(lines(), media_type="text/event-stream")


def busy(status: int, **headers: str) -> Callable[[], Response]:
    problem = {"code": "too_busy", "detail": "Too busy.", "request_id": "a"}
    return lambda: JSONResponse(problem, status, headers)


SPEAKING = event(7, "dub.running", stage="speech")
RELEASED = event(9, "dub.released")
END = "event: end\ndata: {}\n\n"


def test_who_waits_listens_through_all_that_can_happen() -> None:
    """It goes on after what it heard last, and pauses as long as it is asked to."""
    pauses: list[float] = []
    platform = Platform(
        [
            stream(SPEAKING),
            busy(502),
            busy(429, **{"retry-after": "2047"}),
            stream(SPEAKING.replace("id: 7", "id: 8")),
            busy(503, **{"retry-after": "5"}),
            stream(RELEASED, END),
        ]
    )
    with running(platform.app) as url:
        video = DubClient(url, retries=Retries(sleep=pauses.append)).wait(YOUTUBE)
    assert "released" == video["dubs"][0]["status"]
    assert ["0", "7", "7", "7", "8", "8"] == platform.seen
    assert ["GET", "GET"] == platform.asked
    assert [2047.0, 5.0] == [pause for pause in pauses if pause > 3]


def test_a_stream_that_is_cut_off_is_asked_for_again(logged_errors: list[str]) -> None:
    """Nothing is told twice."""
    platform = Platform([broken(SPEAKING), stream(RELEASED, END)])
    with running(platform.app) as url, DubClient(url, retries=Retries(sleep=lambda _: None)) as it:
        told = [each["type"] for each in it.events(YOUTUBE)]
    assert ["dub.running", "dub.released"] == told
    # The server that cuts it off says so.
    logged_errors.remove("Exception in ASGI application")


def test_a_stream_that_says_nothing_is_none() -> None:
    """Another program at the address is told from the platform; and who may not listen is told."""
    for answer in (lambda: Response("<p>Hello.</p>"), busy(401)):
        with running(Platform([answer]).app) as url, pytest.raises(RefusedError):
            next(DubClient(url).events(YOUTUBE))


def test_a_video_is_followed_until_its_dubs_are_released(services: Services) -> None:
    """Each time that it has changed it is told; what happened before is not told again."""
    release(services, YOUTUBE, "ca")
    with serving(services) as url, DubClient(url) as client:
        client.ask(YOUTUBE, "es")
        states = []
        for video in client.follow(YOUTUBE, ["es"]):
            states.append([dub["status"] for dub in video["dubs"]])
            if len(states) == 1:
                release(services, YOUTUBE, "es")
    assert [["released", "queued"], ["released", "released"]] == [states[0], states[-1]]
    assert ["released"] == list({catalan for catalan, _ in states})


def test_who_waits_outlives_a_restart(services: Services) -> None:
    """Connections are refused meanwhile; the outcome is the true one."""
    app = create_app(services)
    with ThreadPoolExecutor(1) as pool:
        with running(app) as url:
            client = DubClient(url, retries=Retries(pause_seconds=0.05))
            client.add(YOUTUBE, ["es"])
            waiting = pool.submit(client.wait, YOUTUBE)
            wait_until(lambda: app.state.hub.clients or waiting.done())
            # Its streams end with the process.
            app.state.drain.begun = True
        release(services, YOUTUBE, "es")
        with running(create_app(services), int(url.rpartition(":")[2])):
            assert "released" == waiting.result(HANG_SECONDS)["dubs"][0]["status"]


def test_a_dub_that_is_asked_for_anew_meanwhile_is_waited_for(services: Services) -> None:
    """What was released a moment ago is not what was asked for."""
    release(services, YOUTUBE, "es")
    with serving(services) as url, DubClient(url) as client:
        services.registry.ask(YOUTUBE, "ca")
        followed = client.follow(YOUTUBE, ["ca"])
        assert "queued" == next(followed)["dubs"][0]["status"]
        services.registry.fail(Work(YOUTUBE, "ca", 1), WHY, now=datetime.now(timezone.utc))
        assert "failed" == next(followed)["dubs"][0]["status"]
        client.ask(YOUTUBE, "ca")
        release(services, YOUTUBE, "ca")
        *_, video = followed
    assert "released" == video["dubs"][0]["status"]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Where the command finds the platform."""
    return lambda url: monkeypatch.setenv("DUB_URL", url)


def test_tight_limits_refuse_nobody_who_waits(tmp_path: Path) -> None:
    """However long it takes: a dub with 40 steps takes three requests beside the first."""

    def pause(seconds: float) -> None:
        assert seconds < 1

    services = make_services(tmp_path, limits=Limits.parse("*=3/hour,POST /videos=1/hour", None))
    app = create_app(services)
    with running(app) as url, ThreadPoolExecutor(1) as pool:
        client = DubClient(url, retries=Retries(sleep=pause))
        client.add(YOUTUBE, ["es"])
        waiting = pool.submit(client.wait, YOUTUBE)
        wait_until(lambda: app.state.hub.clients or waiting.done())
        for number in range(40):
            services.registry.note_stage(YOUTUBE, None, ("source_media", "audio")[number % 2])
        release(services, YOUTUBE, "es")
        assert "released" == waiting.result(HANG_SECONDS)["dubs"][0]["status"]


def test_a_dub_that_fails_is_told_with_its_reason(
    services: Services, environment: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is that of what was asked for, and not of another language."""
    release(services, YOUTUBE, "es")
    app = create_app(services)
    with running(app) as url, ThreadPoolExecutor(1) as pool:
        environment(url)
        waiting = pool.submit(main, ["add", YOUTUBE, "--to", "ca", "--wait"])
        wait_until(lambda: app.state.hub.clients or waiting.done())
        services.registry.fail(Work(YOUTUBE, "ca", 1), WHY, now=datetime.now(timezone.utc))
        assert 1 == waiting.result(HANG_SECONDS)
        assert 0 == main(["add", YOUTUBE, "--to", "es", "--wait"])
    printed = capsys.readouterr().out
    assert "ca failed: The voice ended.\n`dub retry dQw4w9WgXcQ` makes it again.\n" in printed


def test_a_dub_that_is_removed_is_not_waited_for(
    services: Services, environment: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever waits is told, and the exit status is that of what was not released."""
    release(services, YOUTUBE, "es")
    app = create_app(services)
    with running(app) as url, ThreadPoolExecutor(1) as pool:
        environment(url)
        waiting = pool.submit(main, ["dub", YOUTUBE, "ca", "--wait"])
        wait_until(lambda: app.state.hub.clients or waiting.done())
        assert 0 == main(["remove", YOUTUBE, "ca"])
        assert 1 == waiting.result(HANG_SECONDS)
        assert ["es"] == [dub["language"] for dub in DubClient(url).video(YOUTUBE)["dubs"]]
    told = capsys.readouterr()
    assert f"{YOUTUBE} in ca is removed.\n" == told.out
    assert "Somebody removed what was waited for: ca." in told.err


def test_who_waits_without_a_terminal_reads_a_line_for_each_change(
    environment: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the page's words; and no colour."""
    platform = Platform(
        [stream(SPEAKING, event(8, "dub.running", stage="r2_object"), RELEASED, END)]
    )
    with running(platform.app) as url:
        environment(url)
        assert 0 == main(["dub", YOUTUBE, "es", "--wait"])
    told = capsys.readouterr()
    assert ["prepared", "speaking", "publishing", "released"] == [
        line.split()[-1] for line in told.err.splitlines()
    ]
    assert "\x1b" not in told.out + told.err
