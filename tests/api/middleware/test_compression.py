"""What is sent smaller, and what never is."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from api import rendering
from api.middleware.compression import LEVEL, Compression
from dub_platform.core.service.links import Links
from dub_platform.registry.records import Visibility
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    local_client,
    make_services,
    release,
    serving,
)

TAKES_GZIP = {"accept-encoding": "gzip"}


@pytest.fixture
def released(services: Services) -> Services:
    release(services, YOUTUBE, "es")
    return services


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/openapi.json",
        f"/watch?v={YOUTUBE}",
        f"/videos/{YOUTUBE}",
        "/static/watch/main.js",
        "/static/style.css",
    ],
)
def test_pages_scripts_and_json_are_sent_smaller(released: Services, path: str) -> None:
    """By what comes over the wire; the content is the same, and so is its ETag."""
    with local_client(released) as client:
        plain = client.get(path, headers={"accept-encoding": "identity"})
        with client.stream("GET", path, headers=TAKES_GZIP) as answer:
            sent = b"".join(answer.iter_raw())
    assert "gzip" == answer.headers["content-encoding"]
    assert "content-encoding" not in plain.headers
    assert len(sent) < 0.7 * len(plain.content)
    assert plain.content == gzip.decompress(sent)
    assert plain.headers.get("etag") == answer.headers.get("etag")
    # A page in the viewer's language varies with that, too.
    others = {"Accept-Language"} if path.startswith("/watch?") else set()
    for each in (plain, answer):
        assert {"Accept-Encoding", *others} == {*each.headers["vary"].split(", ")}


def test_a_file_that_is_sent_in_parts_is_whole(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also its last part, which is as small as an answer that is sent at once."""
    monkeypatch.setattr(rendering, "SITE_DIR", tmp_path / "site")
    content = "".join(f"{number} " for number in range(60_000))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "search.json").write_text(content)
    with (
        local_client(services) as client,
        client.stream("GET", "/help/search.json", headers=TAKES_GZIP) as answer,
    ):
        sent = b"".join(answer.iter_raw())
    assert "gzip" == answer.headers["content-encoding"]
    assert content == gzip.decompress(sent).decode()


def test_the_contract_page_weighs_a_tenth(client: TestClient) -> None:
    """Most of it is repeated."""
    with client.stream("GET", "/docs", headers=TAKES_GZIP) as answer:
        sent = sum(map(len, answer.iter_raw()))
    assert sent < 0.1 * len(client.get("/docs", headers={"accept-encoding": ""}).content)


def test_a_client_that_does_not_take_it_gets_it_plain(client: TestClient) -> None:
    """Also one that says so in other words."""
    for takes in ("", "br", "gzip;q=0", "identity"):
        answer = client.get("/docs", headers={"accept-encoding": takes})
        assert "content-encoding" not in answer.headers


def test_media_is_sent_as_it_is(released: Services) -> None:
    """Whole or in part: ranges are counted in its own bytes."""
    key = f"releases/{YOUTUBE}/es/1/track.m4a"
    released.store.put_bytes(key, b"0" * 10_000)
    with local_client(released) as client:
        whole = client.get(f"/media/{key}", headers=TAKES_GZIP)
        part = client.get(f"/media/{key}", headers={**TAKES_GZIP, "range": "bytes=0-4999"})
    assert ("10000", "5000") == (whole.headers["content-length"], part.headers["content-length"])
    assert {200, 206} == {whole.status_code, part.status_code}
    assert "content-encoding" not in {**whole.headers, **part.headers}


def test_what_shows_a_secret_is_sent_as_it_is(tmp_path: Path) -> None:
    """How small a signed link becomes beside somebody's words would tell of it."""
    services = make_services(tmp_path, links=Links("s" * 32))
    release(services, YOUTUBE, "es")
    with local_client(services) as client:
        assert "gzip" == client.get(f"/videos/{YOUTUBE}").headers["content-encoding"]
        services.registry.change(YOUTUBE, visibility=Visibility.SIGNED)
        shown = client.get(f"/videos/{YOUTUBE}")
        assert "signature=" in shown.json()["links"]["watch"]["es"]
        watch = client.get(shown.json()["links"]["watch"]["es"].removeprefix("http://dub.test"))
        hook = {"url": "https://example.com/" + "x" * 600}
        made = client.post("/webhooks", json=hook)
    assert (200, 200, 201) == (shown.status_code, watch.status_code, made.status_code)
    assert "secret" in made.json()
    for answer in (shown, watch, made):
        assert len(answer.content) > 500
        assert "content-encoding" not in answer.headers


def test_events_come_as_they_happen(released: Services) -> None:
    """Nothing of a stream is kept back to be made smaller."""
    with (
        serving(released) as url,
        httpx2.stream("GET", f"{url}/videos/{YOUTUBE}/events", headers=TAKES_GZIP) as answer,
    ):
        assert "text/event-stream" in answer.headers["content-type"]
        assert "content-encoding" not in answer.headers
        assert next(answer.iter_raw()).startswith(b"retry:")


def test_it_is_as_small_as_it_can_be_made(released: Services) -> None:
    """A table of the answer's own size finds all there is to find, and no larger one is made."""
    with local_client(released) as client:
        for path in (f"/videos/{YOUTUBE}", "/docs", "/openapi.json"):
            content = client.get(path, headers={"accept-encoding": "identity"}).content
            with client.stream("GET", path, headers=TAKES_GZIP) as answer:
                sent = b"".join(answer.iter_raw())
            assert len(gzip.compress(content, LEVEL)) == len(sent)
            assert content == gzip.decompress(sent)


def test_a_small_answer_takes_little_memory_to_compress() -> None:
    """The usual tables, of a quarter of a MiB, cost more than the work itself."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"a small answer " * 100)(scope, receive, send)

    client = TestClient(Compression(answer))
    client.get("/", headers=TAKES_GZIP)
    with tracing() as peak:
        assert "gzip" == client.get("/", headers=TAKES_GZIP).headers["content-encoding"]
    assert peak() < 200_000


@contextlib.contextmanager
def tracing() -> Iterator[Callable[[], int]]:
    """How many bytes were held at once in the block, at most."""
    peak = 0
    tracemalloc.start()
    try:
        yield lambda: peak
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
