"""What cannot be taken: every refusal has status, code and a sentence, and leaves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.core.errors import StorageFullError
from tests.api.conftest import Log
from tests.support.rig.services import (
    MAX_UPLOAD_BYTES,
    YOUTUBE,
    Services,
    make_clip,
    make_services,
)

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=edge"}
FILE = ("clip.mp4", b"not a video")


def assert_refused(
    answer: httpx2.Response, status: int, code: str, services: Services
) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (status, "application/problem+json", code) == (
        answer.status_code,
        answer.headers["content-type"],
        body["code"],
    )
    assert (f"/problems/{code}", status) == (body["type"], body["status"])
    assert answer.headers["x-request-id"] == body["request_id"]
    assert body["title"]
    assert body["detail"].endswith((".", "?"))
    assert [] == list(services.spool_dir.iterdir())
    return body


def link(**fields: object) -> dict[str, Any]:
    return {"json": {"source": YOUTUBE, "languages": ["es"], **fields}}


def upload(file: object = FILE, **fields: object) -> dict[str, Any]:
    return {"files": {"file": file}, "data": {"languages": "es", **fields}}


SEMANTIC: Mapping[str, tuple[dict[str, Any], int, str]] = {
    "not a video": (upload(), 422, "media_not_a_video"),
    "a playlist called video": (
        upload(("a.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n")),
        422,
        "media_not_a_video",
    ),
    "an empty file": (upload(("a.mp4", b"")), 422, "body_empty"),
    "an empty body": ({"content": b"", "headers": JSON}, 422, "body_empty"),
    "an empty form": ({"content": b"", "headers": FORM}, 422, "body_empty"),
    "blank JSON": ({"content": b"  ", "headers": JSON}, 422, "body_empty"),
    "no file": (
        {"files": {"captions": ("a.srt", b"1")}, "data": {"languages": "es"}},
        422,
        "request_invalid",
    ),
    "a file as text": (
        {"files": {"captions": ("a.srt", b"1")}, "data": {"languages": "es", "file": "x"}},
        422,
        "request_invalid",
    ),
    "two files": (
        {"files": [("file", FILE), ("file", FILE)], "data": {"languages": "es"}},
        422,
        "request_invalid",
    ),
    "a field twice": (
        {
            "files": [
                ("file", FILE),
                ("visibility", (None, "signed")),
                ("visibility", (None, "public")),
                ("languages", (None, "es")),
            ]
        },
        422,
        "request_invalid",
    ),
    "a member twice": (
        {
            "content": b'{"source": "dQw4w9WgXcQ", "languages": ["es"], "visibility": "signed", '
            b'"visibility": "public"}',
            "headers": JSON,
        },
        422,
        "request_invalid",
    ),
    "a term twice": (
        {
            "content": b'{"source": "dQw4w9WgXcQ", "languages": ["es"], '
            b'"glossary": {"a": {"es": "b"}, "a": {"es": "c"}}}',
            "headers": JSON,
        },
        422,
        "request_invalid",
    ),
    "a term twice in a form": (
        upload(glossary='{"a": {"es": "b"}, "a": {"es": "c"}}'),
        422,
        "request_invalid",
    ),
    "three files": (
        {"files": [("file", FILE)] * 3, "data": {"languages": "es"}},
        400,
        "request_malformed",
    ),
    "a file and a link": (upload(source=YOUTUBE), 422, "request_invalid"),
    "two links": (link(source=[YOUTUBE, YOUTUBE]), 422, "request_invalid"),
    "no source": ({"json": {"languages": ["es"]}}, 422, "request_invalid"),
    "no language": (link(languages=[]), 422, "request_invalid"),
    "no language field": (
        {"files": {"file": FILE}, "data": {"title": "x"}},
        422,
        "request_invalid",
    ),
    "a wrong id": (link(source="tooshort"), 422, "video_id_invalid"),
    "another site": (link(source="https://example.org/v.mp4"), 422, "video_id_invalid"),
    "an unknown language": (link(languages=["xx"]), 422, "language_unknown"),
    "a language that is none": (upload(languages="../x"), 422, "language_unknown"),
    "a language we lack": (link(languages=["de"]), 422, "language_not_available"),
    "the source's language": (link(languages=["en"]), 422, "language_not_available"),
    "an unknown source language": (link(source_language="xx"), 422, "language_unknown"),
    "too many languages": (link(languages=["es"] * 21), 422, "request_invalid"),
    "too many in a form": (upload(languages=",".join(["es"] * 21)), 422, "request_invalid"),
    "broken JSON": ({"content": b'{"source": ', "headers": JSON}, 400, "request_malformed"),
    "bottomless JSON": ({"content": b"[" * 60_000, "headers": JSON}, 400, "request_malformed"),
    "JSON in another encoding": (
        {"content": '{"source": "é"}'.encode("latin-1"), "headers": JSON},
        400,
        "request_malformed",
    ),
    "JSON that is a list": ({"content": b"[]", "headers": JSON}, 422, "request_invalid"),
    "JSON too large": ({"content": b" " * 70_000, "headers": JSON}, 413, "upload_too_large"),
    "a broken form": ({"content": b"x" * 100, "headers": FORM}, 400, "request_malformed"),
    "a form without boundary": (
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        400,
        "request_malformed",
    ),
    "a form cut off": (
        {
            "content": b"--edge\r\n"
            b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\nab',
            "headers": FORM,
        },
        422,
        "body_empty",
    ),
    "a field too large": (upload(title="x" * 70_000), 400, "request_malformed"),
    "plain text": (
        {"content": b"hello", "headers": {"content-type": "text/plain"}},
        415,
        "content_type_unsupported",
    ),
    "a bare file": ({"content": b"\0\0\0 ftypisom"}, 415, "content_type_unsupported"),
    "captions that are none": (
        {"files": {"file": FILE, "captions": ("a.srt", b"hello")}, "data": {"languages": "es"}},
        422,
        "request_invalid",
    ),
    "captions in another encoding": (
        {
            "files": {"file": FILE, "captions": ("a.srt", b"\xff\xfe1\x00")},
            "data": {"languages": "es"},
        },
        422,
        "request_invalid",
    ),
    "a declared length over the limit": (
        {"content": b"x", "headers": {**FORM, "content-length": str(MAX_UPLOAD_BYTES + 1)}},
        413,
        "upload_too_large",
    ),
}


@pytest.mark.parametrize("case", SEMANTIC)
def test_bad_input_is_refused_and_leaves_nothing(
    client: TestClient, services: Services, case: str
) -> None:
    """Each row of the table gets its status and code; no file stays, no row is made."""
    request, status, code = SEMANTIC[case]
    assert_refused(client.post("/videos", **request), status, code, services)
    assert [] == list(services.registry.videos().videos)
    assert not services.store.root.exists()


def test_a_query_that_says_two_things_is_refused(client: TestClient, services: Services) -> None:
    """Of two values, either could be meant."""
    answer = client.get("/videos?limit=1&limit=2")
    assert (
        "'limit' more than once"
        in assert_refused(answer, 422, "request_invalid", services)["detail"]
    )


@pytest.mark.parametrize(
    ("seconds", "sound", "code"),
    [(2.0, False, "media_no_audio"), (6.0, True, "video_too_long")],
)
def test_a_video_that_cannot_be_dubbed_is_refused(
    client: TestClient,
    services: Services,
    tmp_path: Path,
    seconds: float,
    sound: bool,
    code: str,
) -> None:
    """What the probe finds is said before anything is kept."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=seconds, sound=sound)
    answer = client.post("/videos", **upload(("clip.mp4", clip.read_bytes())))
    assert_refused(answer, 422, code, services)


def test_a_truncated_video_is_refused(client: TestClient, services: Services, clip: Path) -> None:
    """Half a file is no video, even when its head is whole."""
    half = clip.read_bytes()[: clip.stat().st_size // 2]
    assert_refused(
        client.post("/videos", **upload(("a.mp4", half))), 422, "media_truncated", services
    )


@pytest.mark.parametrize(
    "source",
    [
        "http://127.0.0.1:5432/watch?v=dQw4w9WgXcQ",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/watch?v=dQw4w9WgXcQ",
        "http://[64:ff9b::7f00:1]/dQw4w9WgXcQ",
        "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ",
        "https://youtube.com@127.0.0.1/watch?v=dQw4w9WgXcQ",
        "file:///etc/passwd",
        "gopher://youtu.be/dQw4w9WgXcQ",
    ],
)
def test_a_source_that_leads_elsewhere_is_refused(client: TestClient, source: str) -> None:
    """Only an id is taken from an address, and only from YouTube's: none is fetched as given."""
    answer = client.post("/videos", json={"source": source, "languages": ["es"]})
    assert (422, "video_id_invalid") == (answer.status_code, answer.json()["code"])


def test_a_link_is_refused_where_only_uploads_are_taken(tmp_path: Path) -> None:
    """The sentence says what is taken instead."""
    services = make_services(tmp_path, youtube_enabled=False)
    with TestClient(create_app(services)) as client:
        body = assert_refused(client.post("/videos", **link()), 422, "source_not_enabled", services)
    assert "upload" in body["detail"]


def test_a_source_that_is_switched_off_keeps_what_was_taken(tmp_path: Path) -> None:
    """A link that came before is still shown, may be asked for in another language, and waits."""
    services = make_services(tmp_path)
    with TestClient(create_app(services)) as client:
        taken = client.post("/videos", **link()).json()["id"]
    with TestClient(create_app(replace(services, youtube_enabled=False))) as client:
        assert 422 == client.post("/videos", **link()).status_code
        assert 200 == client.get(f"/videos/{taken}").status_code
        assert 202 == client.put(f"/videos/{taken}/dubs/ca").status_code
    (waiting,) = services.registry.claim_videos(limit=10, now=datetime.now(timezone.utc))
    assert taken == waiting.video_id


def test_the_languages_there_are_are_listed(client: TestClient, services: Services) -> None:
    """Who asks for one that is not there reads which are."""
    body = assert_refused(
        client.post("/videos", **link(languages=["de"])), 422, "language_not_available", services
    )
    assert (
        "German (de) is not available here. From English there is: ca, eo, es, gl."
        == body["detail"]
    )


def test_a_full_disk_is_said_without_its_path(tmp_path: Path, clip: Path, log: Log) -> None:
    """The client gets 507 and a sentence; the path is in the log."""

    def full(_: Path) -> None:
        raise StorageFullError("The disk under /srv/dub is full.")

    services = make_services(tmp_path, probe=full)
    with TestClient(create_app(services)) as client:
        answer = client.post("/videos", **upload(("a.mp4", clip.read_bytes())))
    body = assert_refused(answer, 507, "storage_full", services)
    assert "/srv/dub" not in body["detail"]
    [line] = [line for line in log if line["log_level"] == "error"]
    log.remove(line)
    assert "The disk under /srv/dub is full." == line["message"]


@pytest.mark.parametrize(
    ("request_of", "said"),
    [
        (link(languages=[]), "languages: it is to have 1 or more"),
        (link(languages="es"), "languages: it is to be a list"),
        (link(source=""), "source: it is to have 1 or more characters"),
        (link(source=4), "source: it is to be a text"),
        (link(source="x" * 3000), "source: it is to have 2048 characters at most"),
        (link(language="es"), "language: there is no such field here"),
        (link(dry_run="perhaps"), "dry_run: it is to be true or false"),
        (link(visibility="all"), "visibility: it is to be 'public' or 'signed'"),
        ({"json": []}, "the body: it is to be an object"),
        ({"json": {"source": YOUTUBE}}, "languages: it is missing"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_our_words(
    client: TestClient, services: Services, request_of: dict[str, Any], said: str
) -> None:
    """Which field, and what it is to be."""
    body = assert_refused(client.post("/videos", **request_of), 422, "request_invalid", services)
    assert f"The request cannot be taken as it is: {said}." == body["detail"]


def test_a_form_that_curl_sends_without_a_file_is_told_what_is_taken(
    client: TestClient, services: Services
) -> None:
    """`curl -d` sends what a file cannot be in."""
    answer = client.post("/videos", data={"source": YOUTUBE, "languages": "es"})
    body = assert_refused(answer, 415, "content_type_unsupported", services)
    assert all(
        kind in body["detail"] for kind in ("application/json", "multipart/form-data", "curl -F")
    )


@pytest.mark.parametrize(("path", "said"), [("/watch", "?v="), ("/video", "/docs")])
def test_an_address_that_is_not_whole_is_told_how_it_goes_on(
    client: TestClient, path: str, said: str
) -> None:
    """Who typed it reads where to go."""
    assert said in client.get(path).json()["detail"]
