"""GET /videos/{id}/events on a real server, read as a browser reads it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event as sql_event

from api.routes import events
from dub_platform.core.errors import NoSpeechError
from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.registry import NewVideo, Source, Work
from dub_platform.registry.api_keys import ApiKeys
from tests.api.conftest import Log
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services, prepare, release, serving

OTHER = "up-0123456789abcdef0123456789abcdef"
NO_SPEECH = NoSpeechError("Nobody speaks.").as_details()
# A busy machine may take longer than httpx's five seconds.
get = partial(httpx.get, timeout=HANG_SECONDS)


@dataclass
class Stream:
    """A stream of events as it is read: what was said, and the comments between."""

    lines: Iterator[str]
    comments: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        fields: dict[str, Any] = {}
        for line in self.lines:
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments.append(value or line[1:].strip())
            elif line:
                fields[name] = value
            elif "data" in fields:
                yield {**fields, "data": json.loads(fields["data"])}
                fields = {}

    def types(self) -> list[str]:
        """The types of all events up to the stream's end."""
        return [each["event"] for each in self]


@contextlib.contextmanager
def listening(server: str, video_id: str = YOUTUBE, after: str | None = None) -> Iterator[Stream]:
    headers = {} if after is None else {"last-event-id": after}
    url = f"{server}/videos/{video_id}/events"
    with httpx.stream("GET", url, headers=headers, timeout=HANG_SECONDS) as answer:
        assert "text/event-stream; charset=utf-8" == answer.headers["content-type"]
        assert "no-store" == answer.headers["cache-control"]
        yield Stream(answer.iter_lines())


def hand_in(services: Services, *languages: str, video_id: str = YOUTUBE) -> None:
    services.registry.accept(NewVideo(video_id, Source.YOUTUBE), languages)


def fail(services: Services, video_id: str = YOUTUBE, generation: int = 1) -> None:
    work = Work(video_id, None, generation)
    services.registry.fail(work, NO_SPEECH, now=datetime.now(timezone.utc))


def test_a_client_hears_of_everything_up_to_the_end(services: Services, server: str) -> None:
    """What happened before it came, what happens while it listens, and that all is done."""
    hand_in(services, "es")
    with listening(server) as stream:
        heard = iter(stream)
        assert ["video.queued", "dub.queued"] == [next(heard)["event"] for _ in range(2)]
        prepare(services, YOUTUBE)
        assert "video.prepared" == next(heard)["event"]
        release(services, YOUTUBE, "es")
        assert ["dub.running", "dub.released", "end"] == [each["event"] for each in heard]


def test_an_event_says_what_the_api_says(services: Services, server: str) -> None:
    """Its id is for Last-Event-ID; why something failed is said in the API's own words."""
    hand_in(services, "es")
    fail(services)
    with listening(server) as stream:
        *_, failed, end = stream
    assert {"event": "end", "data": {}} == end
    assert "dub.failed" == failed["event"] == failed["data"]["type"]
    assert failed["data"]["data"] == {
        "video_id": YOUTUBE,
        "language": "es",
        "generation": 1,
        "error": get(f"{server}/videos/{YOUTUBE}").json()["error"],
    }


def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(
    services: Services, server: str
) -> None:
    """It names the last event that it has seen."""
    hand_in(services, "es", "ca")
    with listening(server) as stream:
        heard = iter(stream)
        assert "video.queued" == next(heard)["event"]
        seen = next(heard)["id"]
    prepare(services, YOUTUBE)
    with listening(server, after=seen) as stream:
        heard = iter(stream)
        assert ["dub.queued", "video.prepared"] == [next(heard)["event"] for _ in range(2)]


def test_a_client_that_comes_back_to_what_is_done_is_told_to_stop(
    services: Services, server: str
) -> None:
    """A browser takes 204 for that; else it would come back for ever."""
    hand_in(services, "es")
    fail(services)
    with listening(server) as stream:
        *_, failed, _ = stream
    url = f"{server}/videos/{YOUTUBE}/events"
    assert 204 == get(url, headers={"last-event-id": failed["id"]}).status_code


def test_a_client_hears_of_its_video_only(services: Services, server: str) -> None:
    """Whatever happens to others."""
    hand_in(services, "es")
    with listening(server) as stream:
        heard = iter(stream)
        next(heard)
        hand_in(services, "ca", video_id=OTHER)
        fail(services, OTHER)
        fail(services)
        told = list(heard)
    assert ["dub.queued", "video.failed", "dub.failed", "end"] == [each["event"] for each in told]
    assert {YOUTUBE} == {each["data"]["data"]["video_id"] for each in told[:-1]}


def test_a_quiet_stream_shows_that_it_is_alive(
    services: Services, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With comments, which no client takes for an event."""
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    hand_in(services, "es")
    with listening(server) as stream:
        assert next(line for line in stream.lines if line.startswith(":"))


@pytest.mark.parametrize("given", ["-1", "abc", "1.5", "9" * 19, "١"])
def test_an_id_that_no_stream_gave_is_refused(services: Services, server: str, given: str) -> None:
    """Numbers are what a stream gives."""
    hand_in(services, "es")
    url = f"{server}/videos/{YOUTUBE}/events"
    answer = get(url, headers=[(b"last-event-id", given.encode())])
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])


def test_a_video_nobody_handed_in_has_no_events(server: str) -> None:
    """As it has no page."""
    answer = get(f"{server}/videos/{YOUTUBE}/events")
    assert (404, "video_not_found") == (answer.status_code, answer.json()["code"])


def test_more_clients_than_a_process_has_room_for_are_told_to_wait(
    services: Services, server: str, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    """A stream costs memory for as long as it lasts."""
    monkeypatch.setattr(events, "MOST_CLIENTS", 1)
    hand_in(services, "es")
    with listening(server) as stream:
        next(iter(stream))
        answer = get(f"{server}/videos/{YOUTUBE}/events")
    assert (503, "too_busy") == (answer.status_code, answer.json()["code"])
    assert "5" == answer.headers["retry-after"]


def test_clients_share_one_reader(services: Services, server: str) -> None:
    """While nothing happens to it, a video's clients do not ask the database: the process does."""
    hand_in(services, "es")
    many, asked = 30, list[str]()
    joined, failed = threading.Barrier(many + 1), threading.Event()

    def listen(_: int) -> list[str]:
        with listening(server) as stream:
            heard = iter(stream)
            first = [next(heard)["event"] for _ in range(2)]
            joined.wait()
            assert failed.wait(HANG_SECONDS)
            return [*first, *(each["event"] for each in heard)]

    engine = services.events._reading
    with ThreadPoolExecutor(many) as pool:
        clients = pool.map(listen, range(many))
        joined.wait()
        sql_event.listen(engine, "before_cursor_execute", lambda *of: asked.append(of[2]))
        fail(services)
        failed.set()
        whole = ["video.queued", "dub.queued", "video.failed", "dub.failed", "end"]
        assert [whole] * many == list(clients)
    asked = [statement for statement in asked if statement.startswith("SELECT")]
    assert asked
    assert [] == [statement for statement in asked if "WHERE events.id >" not in statement]


def test_every_process_hears_of_what_another_did(services: Services) -> None:
    """The log is the database's, so it does not matter who wrote and which process is asked."""
    hand_in(services, "es")
    with contextlib.ExitStack() as exits:
        one, other = [exits.enter_context(serving(services)) for _ in range(2)]
        heard = [iter(exits.enter_context(listening(each))) for each in (one, other)]
        assert ["video.queued"] * 2 == [next(each)["event"] for each in heard]
        assert 202 == httpx.put(f"{one}/videos/{YOUTUBE}/dubs/ca", timeout=HANG_SECONDS).status_code
        fail(services)
        ends = ["dub.queued", "dub.queued", "video.failed", "dub.failed", "dub.failed", "end"]
        told = [[event["event"] for event in each] for each in heard]
    assert [ends] * 2 == told


def test_a_stream_ends_with_its_key(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was shut out hears nothing more, and is refused when it comes back."""
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(events, "KEY_SECONDS", 0.0)
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    key, token = keys.make(tenant=DEFAULT_TENANT, scopes={Scope.READ})
    header = {"authorization": f"Bearer {token.text}"}
    hand_in(services, "es")
    with serving(replace(services, keys=keys)) as server:
        url = f"{server}/videos/{YOUTUBE}/events"
        with httpx.stream("GET", url, headers=header, timeout=HANG_SECONDS) as answer:
            lines = answer.iter_lines()
            assert next(line for line in lines if line.startswith(": "))
            keys.revoke(DEFAULT_TENANT, key.id)
            prepare(services, YOUTUBE)
            assert "video.prepared" not in "".join(lines)
        assert 401 == get(url, headers=header).status_code
