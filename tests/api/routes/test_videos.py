"""Asking about videos and dubs, and for one more language."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import sqlalchemy
from starlette.testclient import TestClient

from dub_platform.registry.records import NewVideo, Source, Work
from tests.support.rig.services import YOUTUBE, Services, Told, prepare, release

MEDIA = f"http://dub.test/media/releases/{YOUTUBE}"


@pytest.fixture
def video(services: Services) -> str:
    """A video that was asked for in Spanish."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    return YOUTUBE


def titles(client: TestClient, url: str) -> tuple[list[str], str | None]:
    body: dict[str, Any] = client.get(url).json()
    return [video["id"] for video in body["videos"]], body.get("next_url")


def test_the_listing_comes_in_pages_newest_first(client: TestClient, services: Services) -> None:
    """Following next_url meets every video once, and ends."""
    ids = [f"video-{number:05}" for number in range(5)]
    for video_id in ids:
        services.registry.accept(NewVideo(video_id, Source.YOUTUBE), ["es"])
    seen, url = [], "/videos?limit=2"
    while url:
        page, following = titles(client, url)
        seen += page
        url = (following or "").removeprefix("http://dub.test")
    assert ids[::-1] == seen


def test_the_listing_can_be_narrowed_to_a_status(client: TestClient, services: Services) -> None:
    """Only the videos that have it come."""
    for video_id in ("video-00001", "video-00002"):
        services.registry.accept(NewVideo(video_id, Source.YOUTUBE), ["es"])
    prepare(services, "video-00002")
    assert (["video-00002"], None) == titles(client, "/videos?status=prepared")


def test_the_listing_tells_how_far_each_dub_is(client: TestClient, services: Services) -> None:
    """A catalogue needs no request for each video."""
    release(services, YOUTUBE, "es")
    services.registry.ask(YOUTUBE, "ca")
    reason = {"code": "engine_failed", "message": "The voice ended.", "retryable": True}
    services.registry.fail(Work(YOUTUBE, "ca", 1), reason, now=datetime.now(timezone.utc))
    [row] = client.get("/videos").json()["videos"]
    catalan, spanish = row["dubs"]
    assert ("ca", "failed", False, reason) == (
        catalan["language"],
        catalan["status"],
        catalan["released"],
        catalan["error"],
    )
    assert ("es", "released", True, f"http://dub.test/watch?v={YOUTUBE}&lang=es") == (
        spanish["language"],
        spanish["status"],
        spanish["released"],
        spanish["watch_url"],
    )


def test_a_page_takes_as_many_questions_however_long_it_is(
    client: TestClient, services: Services
) -> None:
    """The registry's database is asked twice: for the videos, and for all their dubs."""
    for number in range(20):
        services.registry.accept(NewVideo(f"video-{number:05}", Source.YOUTUBE), ["es", "ca"])
    with questions() as asked:
        assert 20 == len(client.get("/videos").json()["videos"])
    assert 2 == len([each for each in asked if each.startswith("SELECT")])


def test_a_video_takes_two_questions_however_many_dubs_it_has(
    client: TestClient, services: Services
) -> None:
    """For it with its dubs, and for what was paid; whoever waits asks every few seconds."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es", "ca", "gl"])
    with questions() as asked:
        assert 3 == len(client.get(f"/videos/{YOUTUBE}").json()["dubs"])
    assert 2 == len([each for each in asked if each.startswith("SELECT")])


def test_a_new_video_is_not_looked_for_again(client: TestClient) -> None:
    """What was written just now is neither held, nor queued anew, nor given its language."""
    order = {"source": YOUTUBE, "languages": ["es"]}
    with questions() as asked:
        assert client.post("/videos", json=order).json()["created"]
    assert [] == [each for each in asked if each.startswith("UPDATE")]


@contextlib.contextmanager
def questions() -> Iterator[list[str]]:
    """What the databases are asked in the block, without what the hub and the courier ask."""
    asked: list[str] = []

    def note(*told: Any) -> None:
        if "FROM events" not in told[2] and "FROM deliveries" not in told[2]:
            asked.append(told[2])

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("language=ca", [2, 1]),
        ("language=SPA", [3, 1]),
        ("dub_status=failed", [2]),
        ("language=es&dub_status=failed", []),
        ("language=ca&dub_status=queued", [1]),
        ("search=HARBOR", [3, 1]),
        ("search=50%25", [2]),
        ("search=_", []),
        ("search=video-00003", [3]),
        ("search=00003", []),
        ("search=%00", [3, 2, 1]),
        ("order=oldest", [1, 2, 3]),
        ("order=oldest&limit=2", [1, 2]),
    ],
)
def test_the_listing_shows_what_is_looked_for(
    client: TestClient, services: Services, query: str, found: list[int]
) -> None:
    """By a dub's language and state, in titles and at the beginning of ids, in either order."""
    for number, title, languages in (
        (1, "A harbor", ["es", "ca"]),
        (2, "50% off", ["ca"]),
        (3, "The Harbor", ["es"]),
    ):
        new = NewVideo(f"video-{number:05}", Source.YOUTUBE, title=title)
        services.registry.accept(new, languages)
    reason = {"code": "engine_failed", "message": "The voice ended."}
    work = Work("video-00002", "ca", 1)
    services.registry.fail(work, reason, now=datetime.now(timezone.utc))
    assert [f"video-{number:05}" for number in found] == titles(client, f"/videos?{query}")[0]


def test_the_oldest_come_in_pages_too(client: TestClient, services: Services) -> None:
    """The next page goes on as this one was asked for."""
    for number in range(3):
        services.registry.accept(NewVideo(f"video-{number:05}", Source.YOUTUBE), ["es"])
    _, following = titles(client, "/videos?order=oldest&search=video&limit=2")
    assert following
    path = following.removeprefix("http://dub.test")
    assert (["video-00002"], None) == titles(client, path)


@pytest.mark.parametrize(
    "query",
    ["status=gone", "limit=0", "limit=x", "limit=101", "cursor=x", "dub_status=gone", "order=best"],
)
def test_a_listing_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    """A filter, a limit and a cursor that mean nothing are told."""
    answer = client.get(f"/videos?{query}")
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])


def test_a_video_is_told_with_its_dubs(client: TestClient, video: str) -> None:
    """The video's own answer holds those of its dubs."""
    body = client.get(f"/videos/{video}").json()
    assert (video, "queued", ["es"]) == (
        body["id"],
        body["status"],
        [dub["language"] for dub in body["dubs"]],
    )


@pytest.mark.usefixtures("video")
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/videos/video-00009/dubs/es", 404, "video_not_found"),
        ("/videos/nonsense/dubs/es", 422, "video_id_invalid"),
        (f"/videos/{YOUTUBE}/dubs/xx", 422, "language_unknown"),
    ],
)
def test_a_dub_of_nothing_is_not_there(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    """An unknown video, a wrong id and an unknown language each have their code."""
    answer = client.request(method, path)
    assert (status, code) == (answer.status_code, answer.json()["code"])


def test_a_language_nobody_asked_for_is_not_there(client: TestClient, video: str) -> None:
    """The code tells it from a video that is not there."""
    answer = client.get(f"/videos/{video}/dubs/ca")
    assert (404, "dub_not_found") == (answer.status_code, answer.json()["code"])


def test_one_more_language_can_be_asked_for_again_and_again(
    client: TestClient, services: Services, video: str
) -> None:
    """The second PUT finds the dub of the first, whatever the case of its code."""
    answers = [client.put(f"/videos/{video}/dubs/{code}") for code in ("ca", "CA")]
    assert [(202, "ca", "queued", 1)] * 2 == [
        (answer.status_code, body["language"], body["status"], body["generation"])
        for answer in answers
        for body in [answer.json()]
    ]
    assert ["ca", "es"] == sorted(dub.language for dub in services.registry.dubs(video))
    assert isinstance(services.announce, Told)
    assert [(video, ("ca",))] * 2 == services.announce.keys


@pytest.mark.parametrize("code", ["en", "de"])
def test_a_language_there_is_not_cannot_be_asked_for(
    client: TestClient, video: str, code: str
) -> None:
    """Neither the video's own language nor one without an engine."""
    answer = client.put(f"/videos/{video}/dubs/{code}")
    assert (422, "language_not_available") == (answer.status_code, answer.json()["code"])


def test_a_released_dub_says_where_it_is_and_what_was_measured(
    client: TestClient, services: Services
) -> None:
    """Track, film, captions of both languages, manifest and numbers."""
    release(services, YOUTUBE, "es")
    body = client.get(f"/videos/{YOUTUBE}/dubs/es").json()
    assert "released" == body["status"]
    assert f"{MEDIA}/es/1/track.m4a" == body["track_url"]
    assert f"{MEDIA}/film/1.mp4" == body["video_url"]
    assert f"{MEDIA}/es/1/manifest.json" == body["manifest_url"]
    assert {"vtt": f"{MEDIA}/es/1/es.vtt", "srt": f"{MEDIA}/es/1/es.srt"} == body["captions_urls"]
    assert {"vtt": f"{MEDIA}/es/1/source.vtt", "srt": f"{MEDIA}/es/1/source.srt"} == (
        body["source_captions_urls"]
    )
    numbers = {
        "seconds": 2.0,
        "lufs": -16.1,
        "true_peak_db": -1.6,
        "onset_p95_ms": 31.0,
        "tempo_p95": 1.1,
        "bytes": 4000,
        "cost_usd": 0.02,
    }
    assert numbers == body["numbers"]


def test_a_failed_dub_says_why_without_the_tools_words(
    client: TestClient, services: Services, video: str
) -> None:
    """Code and sentence are the user's; the detail names paths and stays inside."""
    details = {
        "code": "media_no_speech",
        "message": "Nobody speaks in this video.",
        "retryable": False,
        "detail": "/srv/dub/spool/x.wav: 0 segments",
    }
    services.registry.fail(Work(video, None, 1), details, now=datetime.now(timezone.utc))
    body = client.get(f"/videos/{video}/dubs/es").json()
    assert ("failed", {**details, "detail": None}) == (
        body["status"],
        {**body["error"], "detail": None},
    )
    assert "detail" not in body["error"]
    assert "track_url" not in body


def test_a_video_gets_another_title(client: TestClient, video: str) -> None:
    """On one line, as any other; who may watch it stays as it was."""
    answer = client.patch(f"/videos/{video}", json={"title": " A morning\nat the harbor "})
    assert (200, "A morning at the harbor") == (answer.status_code, answer.json()["title"])
    prepared = client.patch(f"/videos/{video}", json={"visibility": "public"}).json()
    assert ("A morning at the harbor", "public") == (prepared["title"], prepared["visibility"])
    assert "A morning" in client.get("/").text


@pytest.mark.parametrize("title", ["", " \n ", "x" * 201, 4, None])
def test_what_is_no_title_changes_nothing(client: TestClient, video: str, title: object) -> None:
    """It is refused; where there is none at all, nothing is changed."""
    answer = client.patch(f"/videos/{video}", json={"title": title})
    assert (200 if title is None else 422) == answer.status_code
    assert "" == client.get(f"/videos/{video}").json()["title"]


def test_a_title_that_was_given_stays_when_the_video_is_prepared(
    client: TestClient, services: Services, video: str
) -> None:
    """Its source may call it something else."""
    client.patch(f"/videos/{video}", json={"title": "Ours"})
    prepare(services, video)
    assert "Ours" == client.get(f"/videos/{video}").json()["title"]
