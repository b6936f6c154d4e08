"""Asking about videos and dubs, and for one more language."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.desk import Desk
from dub_platform.registry.port import NewVideo, Source, Work
from tests.api.desks import YOUTUBE, Told, prepare, release

MEDIA = f"http://dub.test/media/releases/{YOUTUBE}"


@pytest.fixture
def video(desk: Desk) -> str:
    """A video that was asked for in Spanish."""
    desk.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    return YOUTUBE


def titles(client: TestClient, url: str) -> tuple[list[str], str | None]:
    body: dict[str, Any] = client.get(url).json()
    return [video["id"] for video in body["videos"]], body.get("next_url")


def test_the_listing_comes_in_pages_newest_first(client: TestClient, desk: Desk) -> None:
    """Following next_url meets every video once, and ends."""
    ids = [f"video-{number:05}" for number in range(5)]
    for video_id in ids:
        desk.registry.accept(NewVideo(video_id, Source.YOUTUBE), ["es"])
    seen, url = [], "/videos?limit=2"
    while url:
        page, following = titles(client, url)
        seen += page
        url = (following or "").removeprefix("http://dub.test")
    assert ids[::-1] == seen


def test_the_listing_can_be_narrowed_to_a_status(client: TestClient, desk: Desk) -> None:
    """Only the videos that have it come."""
    for video_id in ("video-00001", "video-00002"):
        desk.registry.accept(NewVideo(video_id, Source.YOUTUBE), ["es"])
    prepare(desk, "video-00002")
    assert (["video-00002"], None) == titles(client, "/videos?status=prepared")


@pytest.mark.parametrize("query", ["status=gone", "limit=0", "limit=x", "limit=101", "cursor=x"])
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
    client: TestClient, desk: Desk, video: str
) -> None:
    """The second PUT finds the dub of the first, whatever the case of its code."""
    answers = [client.put(f"/videos/{video}/dubs/{code}") for code in ("ca", "CA")]
    assert [(202, "ca", "queued", 1)] * 2 == [
        (answer.status_code, body["language"], body["status"], body["generation"])
        for answer in answers
        for body in [answer.json()]
    ]
    assert ["ca", "es"] == sorted(dub.language for dub in desk.registry.dubs(video))
    assert isinstance(desk.announce, Told)
    assert [(video, ("ca",))] * 2 == desk.announce.keys


@pytest.mark.parametrize("code", ["en", "de"])
def test_a_language_there_is_not_cannot_be_asked_for(
    client: TestClient, video: str, code: str
) -> None:
    """Neither the video's own language nor one without an engine."""
    answer = client.put(f"/videos/{video}/dubs/{code}")
    assert (422, "language_not_available") == (answer.status_code, answer.json()["code"])


def test_a_released_dub_says_where_it_is_and_what_was_measured(
    client: TestClient, desk: Desk
) -> None:
    """Track, film, captions of both languages, manifest and numbers."""
    release(desk, YOUTUBE, "es")
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
    client: TestClient, desk: Desk, video: str
) -> None:
    """Code and sentence are the user's; the detail names paths and stays inside."""
    details = {
        "code": "media_no_speech",
        "message": "Nobody speaks in this video.",
        "retryable": False,
        "detail": "/srv/dub/spool/x.wav: 0 segments",
    }
    desk.registry.failed(Work(video, None, 1), details, now=datetime.now(timezone.utc))
    body = client.get(f"/videos/{video}/dubs/es").json()
    assert ("failed", {**details, "detail": None}) == (
        body["status"],
        {**body["error"], "detail": None},
    )
    assert "detail" not in body["error"]
    assert "track_url" not in body
