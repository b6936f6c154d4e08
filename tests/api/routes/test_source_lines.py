"""What is said in a video over HTTP: it is corrected, captioned, believed, and dubs are stale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.registry import VideoStatus, Work
from dub_platform.registry.api_keys import ApiKeys
from tests.api.routes.test_lines import keep, refused
from tests.support.rig.services import YOUTUBE, Services, release

VIDEO = f"/videos/{YOUTUBE}"
PATH, DUB = f"{VIDEO}/lines", f"{VIDEO}/dubs/es"
LINES = (
    Line(0, 0.2, 0.9, "Good day.", confidence=0.9),
    Line(1, 1.0, 1.4, "The harbor is com.", confidence=0.3, doubt="the recogniser is unsure of it"),
)
TEXTS = ("Buenos días.", "El puerto es com.")
HEARD = Transcript("en", "an engine", LINES, least_confidence=0.4, made_of="a key")
SRT = "1\n00:00:00,500 --> 00:00:01,500\nGood morning.\n"
RIGHT = "The harbor is calm."


@pytest.fixture(autouse=True)
def released(services: Services) -> None:
    """A dub of two lines, as its run leaves it."""
    made = release(services, YOUTUBE, "es")
    placed = [
        {
            "source": line.text,
            "slot": [line.start, line.end],
            "target": text,
            "start": 0,
            "tempo": 1,
        }
        for line, text in zip(LINES, TEXTS, strict=True)
    ]
    services.store.put_bytes(made.manifest_key, json.dumps({"lines": placed}).encode())
    keep(services, "transcript", HEARD)
    lines = tuple(
        TranslatedLine(line.id, text, source=line.text)
        for line, text in zip(LINES, TEXTS, strict=True)
    )
    keep(services, "translation", Translation("es", "an engine", lines, made_of="a key"), "es")


def correct(client: TestClient, text: str = RIGHT, number: int = 1, **headers: str) -> Any:
    path = f"{PATH}/{number}"
    seen = headers or {"if-match": client.get(path).headers["etag"]}
    return client.put(path, json={"text": text}, headers=seen)


def types(client: TestClient, services: Services) -> list[str]:
    return [event.type for event in services.events.since(0, limit=99)]


def test_what_is_said_is_shown_with_how_sure_that_is(client: TestClient) -> None:
    """Line by line, and of all words together."""
    body = client.get(PATH).json()
    assert ("en", "an engine", 0.5, 0.4) == tuple(
        body[name] for name in ("language", "engine", "confidence", "least_confidence")
    )
    assert {
        "number": 1,
        "speaker": "1",
        "start": 1.0,
        "end": 1.4,
        "text": "The harbor is com.",
        "heard": "The harbor is com.",
        "confidence": 0.3,
        "doubt": "the recogniser is unsure of it",
        "corrected": False,
        "url": f"http://dub.test{PATH}/1",
    } == body["lines"][1]
    assert body["lines"][1] == client.get(f"{PATH}/1").json()
    etag = client.get(PATH).headers["etag"]
    assert 304 == client.get(PATH, headers={"if-none-match": etag}).status_code


def test_a_correction_is_shown_at_once_and_makes_dubs_stale(
    client: TestClient, services: Services
) -> None:
    """What is released stays; whoever listens is told, and one request brings it up to date."""
    answer = correct(client)
    line = answer.json()
    assert (202, RIGHT, "The harbor is com.", True, 1.0) == (
        answer.status_code,
        *(line[name] for name in ("text", "heard", "corrected", "confidence")),
    )
    assert answer.headers["etag"] == client.get(f"{PATH}/1").headers["etag"]
    dub = client.get(DUB).json()
    assert (True, "released") == (dub["stale"], dub["status"])
    assert "track_url" in dub
    assert [True] == [each["stale"] for each in client.get(VIDEO).json()["dubs"]]
    assert ["dub.stale", "video.queued"] == types(client, services)[-2:]
    shown = client.get(f"{DUB}/lines/1").json()
    assert (RIGHT, TEXTS[1]) == (shown["source"], shown["released"]["text"])
    asked = client.put(DUB)
    assert (202, "queued") == (asked.status_code, asked.json()["status"])


def test_bringing_a_dub_up_to_date_is_estimated_by_its_changed_lines(
    client: TestClient, services: Services
) -> None:
    """Nothing at first, then the line, and nothing is asked for by asking what it costs."""
    before = client.put(f"{DUB}?dry_run=true")
    assert (200, 0.0, 0.0) == (
        before.status_code,
        before.json()["estimate"]["seconds"],
        before.json()["estimate"]["usd"],
    )
    correct(client)
    quote = client.put(DUB, json={"dry_run": True}).json()["estimate"]
    assert 0.4 == pytest.approx(quote["seconds"])
    assert quote["usd"] == pytest.approx(quote["usd_per_minute"] * 0.4 / 60, abs=1e-6)
    assert client.get(DUB).json()["status"] == "released"
    new = client.put(f"{VIDEO}/dubs/ca?dry_run=true").json()["estimate"]
    assert 1.1 == pytest.approx(new["seconds"])
    refused(client.get(f"{VIDEO}/dubs/ca"), 404, "dub_not_found")


def test_listings_tell_which_dubs_are_stale(client: TestClient) -> None:
    """And why; of no dub but those of this video."""
    listed = client.get("/videos").json()["videos"][0]["dubs"]
    assert [(False, [])] == [(dub["stale"], dub["stale_because"]) for dub in listed]
    correct(client)
    listed = client.get("/videos").json()["videos"][0]["dubs"]
    assert [(True, ["source"])] == [(dub["stale"], dub["stale_because"]) for dub in listed]


def test_a_correction_over_what_was_not_seen_is_refused(client: TestClient) -> None:
    """With what is there now; and none is made without having looked."""
    before = {"if-match": client.get(f"{PATH}/1").headers["etag"]}
    refused(client.put(f"{PATH}/1", json={"text": "Calm."}), 428, "precondition_required")
    correct(client)
    late = correct(client, "The harbour is calm.", **before)  # type: ignore[arg-type]
    refused(late, 412, "precondition_failed")
    assert (RIGHT, "The harbor is com.") == tuple(
        late.json()["current"][name] for name in ("text", "previous")
    )
    refused(client.delete(f"{PATH}/1", headers=before), 412, "precondition_failed")


def test_going_back_is_a_change_too(client: TestClient, services: Services) -> None:
    """The line says again what was heard; and to say the same once more changes nothing."""
    correct(client)
    revision = services.registry.video(YOUTUBE).revision
    correct(client)
    assert revision == services.registry.video(YOUTUBE).revision
    seen = {"if-match": client.get(f"{PATH}/1").headers["etag"]}
    back = client.delete(f"{PATH}/1", headers=seen).json()
    assert ("The harbor is com.", False, 0.3) == (
        back["text"],
        back["corrected"],
        back["confidence"],
    )
    assert [RIGHT, None] == [each.text for each in services.registry.edits(YOUTUBE, None)]


def test_who_corrected_is_kept(client: TestClient, services: Services, tmp_path: Path) -> None:
    """By the key, and by what that is called."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    scopes = {Scope.READ, Scope.WRITE}
    key, token = keys.make(tenant=DEFAULT_TENANT, scopes=scopes, name="Ana")
    _, hers = keys.make(tenant="acme", scopes=scopes)
    app = create_app(replace(services, keys=keys))
    keyed = TestClient(app, headers={"authorization": f"Bearer {token.text}"})
    line = correct(keyed).json()
    assert (key.id, "Ana") == (line["corrected_by"], line["corrected_by_name"])
    stranger = TestClient(app, headers={"authorization": f"Bearer {hers.text}"})
    for answer in (
        stranger.get(PATH),
        stranger.put(f"{PATH}/1", json={"text": "x"}, headers={"if-match": "*"}),
        correct_all(stranger, {1: "x"}, **{"if-match": "*"}),
        stranger.put(f"{VIDEO}/captions", files={"captions": ("a.srt", SRT.encode())}),
        stranger.patch(VIDEO, json={"believe": True}),
    ):
        refused(answer, 404, "video_not_found")


def test_several_lines_are_corrected_at_once(client: TestClient, services: Services) -> None:
    """All of them are one change of what is said, which is listened to and told once; or back."""
    told = len(types(client, services))
    answer = correct_all(client, {0: "Good morning.", 1: RIGHT})
    assert (202, ["Good morning.", RIGHT]) == (answer.status_code, texts(answer))
    assert answer.headers["etag"] == client.get(PATH).headers["etag"]
    video = services.registry.video(YOUTUBE)
    assert (1, VideoStatus.QUEUED) == (video.revision, video.status)
    assert ["dub.stale", "video.queued"] == types(client, services)[told:]
    # Again, it is no change, and with one that is none, that one is left out.
    correct_all(client, {0: "Good morning.", 1: RIGHT})
    assert 1 == services.registry.video(YOUTUBE).revision
    back = correct_all(client, {0: None, 1: RIGHT})
    assert ["Good day.", RIGHT] == texts(back)
    assert 3 == len(services.registry.edits(YOUTUBE, None))


def test_of_several_corrections_all_are_made_or_none(
    client: TestClient, services: Services
) -> None:
    """Whoever has not seen what another corrected meanwhile is told what that was."""
    seen = {"if-match": client.get(PATH).headers["etag"]}
    unseen = correct_all(client, {0: "Hello."}, **{"if-none-match": "*"})
    refused(unseen, 428, "precondition_required")
    refused(correct_all(client, {0: "Hello.", 7: "There."}), 404, "line_not_found")
    refused(correct_all(client, {0: "Hello.", 1: "!!!"}), 422, "request_invalid")
    assert [] == services.registry.edits(YOUTUBE, None)
    correct(client)
    late = correct_all(client, {0: "Hello."}, **seen)
    refused(late, 412, "precondition_failed")
    current = late.json()["current"]
    assert (client.get(PATH).headers["etag"], [RIGHT]) == (
        current["etag"],
        [line["text"] for line in current["lines"]],
    )
    assert "Good day." == client.get(f"{PATH}/0").json()["text"]


def correct_all(client: TestClient, lines: Mapping[int, str | None], **headers: str) -> Any:
    """Correct lines as somebody does who has just looked at all of them."""
    seen = headers or {"if-match": client.get(PATH).headers["etag"]}
    orders = [{"number": number, "text": text} for number, text in lines.items()]
    return client.patch(PATH, json={"lines": orders}, headers=seen)


def texts(answer: Any) -> list[str]:
    """What the lines of an answer say."""
    return [line["text"] for line in answer.json()["lines"]]


@pytest.mark.parametrize("text", ["", "a\nb", "!!!", "a" * 501])
def test_a_correction_that_nobody_can_say_is_refused(
    client: TestClient, services: Services, text: str
) -> None:
    """As with the lines of a dub."""
    refused(correct(client, text), 422, "request_invalid")
    refused(correct(client, number=7, **{"if-match": "*"}), 404, "line_not_found")
    assert [] == services.registry.edits(YOUTUBE, None)


def test_lines_are_there_once_somebody_has_listened(client: TestClient, services: Services) -> None:
    """The sentence says when that is."""
    services.store.delete(f"videos/{YOUTUBE}/transcript.json")
    assert "Try again" in refused(client.get(PATH), 409, "lines_not_ready")


def test_captions_are_taken_whatever_became_of_the_video(
    client: TestClient, services: Services
) -> None:
    """Those of a prepared one have it listened to anew, and make its dubs stale."""
    answer = client.put(f"{VIDEO}/captions", files={"captions": ("a.srt", SRT.encode())})
    body = answer.json()
    assert (202, True, "queued", [True]) == (
        answer.status_code,
        body["captions_taken"],
        body["status"],
        [dub["stale"] for dub in body["dubs"]],
    )
    key = services.registry.video(YOUTUBE).captions_key
    assert key is not None
    assert SRT.encode() == services.store.get_bytes(key)
    # Until they are read nobody knows which lines they change.
    quote = client.put(f"{DUB}?dry_run=true").json()["estimate"]
    assert body["duration_seconds"] == quote["seconds"]


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"files": {"captions": ("a.srt", b"no captions")}}, 422, "request_invalid"),
        ({"files": {"file": ("a.srt", SRT.encode())}}, 422, "request_invalid"),
        (
            {"files": {"captions": ("a.srt", SRT.encode())}, "data": {"x": "y"}},
            422,
            "request_invalid",
        ),
        ({"data": {"captions": SRT}, "files": {"x": ("", b"")}}, 422, "request_invalid"),
        (
            {"content": SRT, "headers": {"content-type": "text/plain"}},
            415,
            "content_type_unsupported",
        ),
        ({"files": {"captions": ("a.srt", b"x" * 2_100_000)}}, 413, "upload_too_large"),
    ],
)
def test_captions_that_are_none_are_refused(
    client: TestClient, services: Services, form: dict[str, Any], status: int, code: str
) -> None:
    """And nothing is changed."""
    refused(client.put(f"{VIDEO}/captions", **form), status, code)
    assert 0 == services.registry.video(YOUTUBE).revision


def test_a_doubted_video_says_so_and_can_be_believed(
    client: TestClient, services: Services
) -> None:
    """Its dub says it as well, with what can be done; one request has it dubbed all the same."""
    doubt(services)
    error = client.get(VIDEO).json()["error"]
    assert ("media_misheard", "We may have misheard") == (error["code"], error["message"][:20])
    answer = client.patch(VIDEO, json={"believe": True})
    assert (200, "queued") == (answer.status_code, answer.json()["status"])
    assert services.registry.video(YOUTUBE).believed


def test_another_spoken_language_has_it_listened_to_anew(
    client: TestClient, services: Services
) -> None:
    """The same changes nothing."""
    assert "prepared" == client.patch(VIDEO, json={"source_language": "en"}).json()["status"]
    answer = client.patch(VIDEO, json={"source_language": "ES"}).json()
    assert ("queued", "es") == (answer["status"], answer["language"])
    assert services.registry.video(YOUTUBE).status is VideoStatus.QUEUED
    refused(client.patch(VIDEO, json={"source_language": "xx"}), 422, "language_unknown")
    refused(client.patch(VIDEO, json={"believe": False}), 422, "request_invalid")


def doubt(services: Services) -> None:
    """As if its gate had held it when it was made anew."""
    services.registry.caption(YOUTUBE, "videos/captions.srt")
    work = Work(YOUTUBE, None, services.registry.video(YOUTUBE).generation)
    services.registry.begin_work(work, "run")
    details = {"code": "media_misheard", "message": "We may have misheard this video (34 %)."}
    services.registry.fail(work, details, now=datetime.now(timezone.utc))
