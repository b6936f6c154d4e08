"""Rate limits: what is counted, for whom, and what is said of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.rate_limiting import Limits
from dub_platform.core.service.access import Scope, Token
from dub_platform.core.service.addresses import Networks
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.settings import Settings
from tests.support.rig.services import YOUTUBE, default_limits, make_services, release

DEFAULTS = Settings.model_fields["rate_limits"].default
MEDIA = f"/media/releases/{YOUTUBE}/film/1.mp4"


def client_of(home: Path, text: str, address: str = "203.0.113.7", **changes: object) -> TestClient:
    services = make_services(home, limits=Limits.parse(text, None), **changes)
    return TestClient(create_app(services), client=(address, 5000))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with client_of(tmp_path, "*=3/hour;5/day,/watch=2/minute,/media=none") as client:
        yield client


def statuses(client: TestClient, path: str, count: int, **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(count)]


def test_the_defaults_are_those_that_are_promised() -> None:
    """A person's pace for all but handing in and watching; files and probes without limit."""
    limits = Limits.parse(DEFAULTS, None)
    told = {
        asked: rule and [str(limit) for limit in rule.limits]
        for asked in (
            "GET /videos",
            "PUT /videos/a/dubs/es",
            "POST /videos",
            "GET /watch",
            "GET /media/releases/a",
            "GET /static/style.css",
            "GET /help/index.html",
            "GET /ready",
        )
        for rule in [limits.rule(*asked.split())]
    }
    assert {
        "GET /videos": ["120 per 1 minute", "3000 per 1 hour"],
        "PUT /videos/a/dubs/es": ["120 per 1 minute", "3000 per 1 hour"],
        "POST /videos": ["500 per 1 hour", "2000 per 1 day"],
        "GET /watch": ["60 per 1 minute"],
        "GET /media/releases/a": None,
        "GET /static/style.css": None,
        "GET /help/index.html": None,
        "GET /ready": None,
    } == told


def test_who_watches_for_ten_minutes_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two windows that ask every 8 s whether the dub is there, and then play it."""
    now, services = time.time(), make_services(tmp_path, limits=default_limits())
    release(services, YOUTUBE, "es")
    with TestClient(create_app(services)) as client:
        for second in range(0, 600, 8):
            monkeypatch.setattr(time, "time", lambda at=now + second: at)
            assert [200, 200] == statuses(client, f"/watch?v={YOUTUBE}", 2)
            assert [200] == statuses(client, "/", 1)
            assert [206] * 4 == statuses(client, MEDIA, 4, range="bytes=0-3")
        assert [200] == statuses(client, f"/videos/{YOUTUBE}/events", 1)


def test_a_playlist_of_hundreds_is_handed_in_at_once() -> None:
    """By a script that does not pause; a thousand are not."""
    limits = Limits.parse(DEFAULTS, None)
    rule = limits.rule("POST", "/videos")
    assert rule
    over = [limits.counters.count(rule, "key:a")[-1].is_over for _ in range(501)]
    assert [False] * 500 + [True] == over


@pytest.mark.parametrize(
    ("method", "path", "amount"),
    [
        ("POST", "/videos", 1),
        ("GET", "/videos", 2),
        ("GET", "/videos/a", 2),
        ("GET", "/videosandmore", 3),
        ("POST", "/videos/a/dubs/es", 1),
    ],
)
def test_the_longest_route_that_fits_decides(method: str, path: str, amount: int) -> None:
    """A route holds for what lies below it, and a method only where it is named."""
    rule = Limits.parse("*=3/hour,/videos=2/hour,POST /videos=1/hour", None).rule(method, path)
    assert rule
    assert amount == rule.limits[0].amount


@pytest.mark.parametrize("text", ["videos=1/hour", "*=many", "*=", "*=1/fortnight", "=1/hour"])
def test_limits_that_mean_nothing_are_refused(text: str) -> None:
    """When the process starts, and not at the first request."""
    with pytest.raises(ValueError, match=r"\w"):
        Limits.parse(text, None)


def test_what_is_too_much_is_refused_with_when_to_come_back(client: TestClient) -> None:
    """429, Retry-After in seconds, and the same in words."""
    assert [200, 200, 200] == statuses(client, "/videos", 3)
    answer = client.get("/videos")
    assert (429, "rate_limited") == (answer.status_code, answer.json()["code"])
    waits = int(answer.headers["retry-after"])
    assert 1 <= waits <= 7200
    assert f"Wait {waits} s" in answer.json()["detail"]
    assert "close" == answer.headers["connection"]


def test_an_answer_says_what_is_left(client: TestClient) -> None:
    """Of each limit, in the headers of the IETF's draft; also in a refusal."""
    told = client.get("/videos").headers
    assert '"hour";q=3;w=3600, "day";q=5;w=86400' == told["ratelimit-policy"]
    assert re.fullmatch(r'"hour";r=2;t=\d+, "day";r=4;t=\d+', told["ratelimit"])
    statuses(client, "/videos", 2)
    assert client.get("/videos").headers["ratelimit"].startswith('"hour";r=0;')


def test_a_route_of_its_own_counts_for_itself(client: TestClient) -> None:
    """Who has watched much can still ask."""
    assert [404, 404, 429] == statuses(client, "/watch?v=dQw4w9WgXcQ", 3)
    assert [200] == statuses(client, "/videos", 1)


def test_files_and_probes_are_not_counted(client: TestClient) -> None:
    """A player asks for a part every few seconds, and who watches over the API even more often."""
    assert [404] * 9 == statuses(client, "/media/releases/a.m4a", 9)
    assert [200] * 9 == statuses(client, "/health", 9)
    assert "ratelimit" not in client.get("/health").headers


def test_a_household_counts_as_one(tmp_path: Path) -> None:
    """Its provider gave it 2^64 addresses to ask from."""
    limits = Limits.parse("*=2/hour", None)
    app = create_app(make_services(tmp_path, limits=limits))
    answers = [
        TestClient(app, client=(address, 5000)).get("/videos").status_code
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
    ]
    assert [200, 200, 429, 200] == answers


def test_a_key_counts_for_itself_and_wrong_ones_for_their_sender(tmp_path: Path) -> None:
    """Two keys at one address do not share; who tries keys is counted by address."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    with client_of(tmp_path, "*=2/hour", keys=keys) as client:
        for tenant in ("acme", "acme"):
            _, token = keys.make(tenant=tenant, scopes={Scope.READ})
            header = {"authorization": f"Bearer {token.text}"}
            assert [200, 200, 429] == statuses(client, "/videos", 3, **header)
        assert [401, 401, 429] == statuses(client, "/videos", 3, authorization="Bearer dub_x")


def test_keys_that_a_key_made_count_as_it(tmp_path: Path) -> None:
    """Whoever makes keys, and has those make more, may ask no more than with one."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    with client_of(tmp_path, "*=3/hour,/keys=none", keys=keys) as client:
        _, token = keys.make(tenant="acme", scopes={Scope.ADMIN})
        answered = []
        for _ in range(4):
            header = {"authorization": f"Bearer {token.text}"}
            order = {"scopes": ["read", "admin"]}
            made = client.post("/keys", headers=header, json=order).json()["key"]
            parsed = Token.parse(made)
            assert parsed
            token = parsed
            header = {"authorization": f"Bearer {made}"}
            answered += statuses(client, "/videos", 1, **header)
    assert [200, 200, 200, 429] == answered


def test_strangers_fill_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many addresses the first are forgotten, and the last are still counted."""
    monkeypatch.setattr("api.rate_limiting.MOST_COUNTERS", 10)
    app = create_app(make_services(tmp_path, limits=Limits.parse("*=1/hour", None)))

    def asked_by(number: int) -> int:
        client = TestClient(app, client=(f"203.0.113.{number}", 5000))
        return client.get("/videos").status_code

    assert [200] * 12 == [asked_by(number) for number in range(12)]
    assert (429, 200) == (asked_by(11), asked_by(0))


def test_nobody_counts_as_somebody_else(tmp_path: Path) -> None:
    """A header says nothing where no proxy is configured."""
    with client_of(tmp_path, "*=2/hour") as client:
        assert [200, 200, 429] == [
            client.get("/videos", headers={"x-forwarded-for": f"198.51.100.{n}"}).status_code
            for n in range(3)
        ]


def test_behind_a_proxy_each_client_counts_for_itself(tmp_path: Path) -> None:
    """By the address that the proxy saw, and none that was there before it."""
    proxies = Networks.parse("203.0.113.0/24")
    with client_of(tmp_path, "*=2/hour", proxies=proxies) as client:
        told = ["198.51.100.1", "198.51.100.2", "8.8.8.8, 198.51.100.1", "9.9.9.9, 198.51.100.1"]
        assert [200, 200, 200, 429] == [
            client.get("/videos", headers={"x-forwarded-for": each}).status_code for each in told
        ]
