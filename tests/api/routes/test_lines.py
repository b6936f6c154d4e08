"""The lines of a dub over HTTP: what is shown, what an edit asks for, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.contracts.threads import at_once
from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.core.speech import (
    Basis,
    Line,
    Take,
    Takes,
    Transcript,
    TranslatedLine,
    Translation,
)
from dub_platform.registry import DubStatus
from dub_platform.registry.api_keys import ApiKeys
from resources.store.values import value_key
from tests.support.rig.services import YOUTUBE, Services, release

PATH = f"/videos/{YOUTUBE}/dubs/es/lines"
LINES = (
    Line(0, 0.2, 0.9, "Good day."),
    Line(1, 1.0, 1.4, "The harbor is calm."),
    Line(2, 1.5, 1.9, "Yes.", speaker="2"),
)
TEXTS = ("Buenos días.", "El puerto está en calma.", "Sí.")
MANIFEST = {
    "lines": [
        {
            "id": line.id,
            "slot": [line.start, line.end],
            "start": line.start + 0.25 * line.id,
            "seconds": 0.4,
            "tempo": 1.1,
            "source": line.text,
            "target": text,
        }
        for line, text in zip(LINES, TEXTS, strict=True)
    ]
}
EDIT = {"text": "Hay calma en el puerto."}


@pytest.fixture(autouse=True)
def released(services: Services) -> None:
    """A dub of three lines, as its run leaves it."""
    made = release(services, YOUTUBE, "es")
    services.store.put_bytes(made.manifest_key, json.dumps(MANIFEST).encode())
    keep(services, "transcript", Transcript("en", "an engine", LINES))
    translated = tuple(TranslatedLine(*pair) for pair in enumerate(TEXTS))
    keep(services, "translation", Translation("es", "an engine", translated), "es")


def keep(services: Services, asset: str, value: object, language: str | None = None) -> None:
    """As the IO manager keeps the value of an asset."""
    written = TypeAdapter(type(value)).dump_json(value)
    services.store.put_bytes(value_key(asset, YOUTUBE, language), written)


def seen(client: TestClient, number: int | None = None) -> dict[str, str]:
    """The header of a write by somebody who has just looked at a line, or at all of them."""
    path = PATH if number is None else f"{PATH}/{number}"
    return {"if-match": client.get(path).headers["etag"]}


def put(client: TestClient, number: int = 1, body: Any = EDIT, **headers: str) -> Any:
    return client.put(
        f"{PATH}/{number}",
        content=json.dumps(body),
        headers={"content-type": "application/json", **(headers or seen(client, number))},
    )


def patch(client: TestClient, *lines: dict[str, Any], **headers: str) -> Any:
    return client.patch(PATH, json={"lines": lines}, headers=headers or seen(client))


def refused(answer: Any, status: int, code: str) -> str:
    """What the problem document says, if it is this one."""
    assert (status, code) == (answer.status_code, answer.json()["code"])
    return str(answer.json()["detail"])


def texts(client: TestClient) -> list[str]:
    return [line["text"] for line in client.get(PATH).json()["lines"]]


def test_a_script_is_shown_with_its_release(client: TestClient) -> None:
    """Who says what when, what it became, and where the released track has it."""
    body = client.get(PATH).json()
    assert (YOUTUBE, "es", []) == (body["video_id"], body["language"], body["not_applied"])
    assert {
        "number": 1,
        "speaker": "1",
        "start": 1.0,
        "end": 1.4,
        "source": "The harbor is calm.",
        "translation": TEXTS[1],
        "text": TEXTS[1],
        "edited": False,
        "stale": False,
        "room_seconds": 0.44,
        "budget_characters": 8,
        "confidence": 1.0,
        "missed": [],
        "released": {
            "text": TEXTS[1],
            "start": 1.25,
            "onset_ms": 250.0,
            "tempo": 1.1,
            "flagged": True,
            "take_url": f"http://dub.test{PATH}/1/take",
        },
        "url": f"http://dub.test{PATH}/1",
    } == body["lines"][1]
    assert [False, True, True] == [line["released"]["flagged"] for line in body["lines"]]
    assert ["1", "1", "2"] == [line["speaker"] for line in body["lines"]]


def test_one_line_is_shown_as_among_the_others(client: TestClient) -> None:
    """The same fields."""
    assert client.get(PATH).json()["lines"][2] == client.get(f"{PATH}/2").json()


@pytest.mark.parametrize("path", [PATH, f"{PATH}/1"])
def test_what_the_client_has_is_not_sent_again(client: TestClient, path: str) -> None:
    """Until it changes."""
    etag = client.get(path).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get(path, headers={"if-none-match": known})
        assert (304, b"", etag) == (again.status_code, again.content, again.headers["etag"])
    put(client)
    assert 200 == client.get(path, headers={"if-none-match": etag}).status_code


def test_an_edit_asks_for_the_dub_anew(client: TestClient, services: Services) -> None:
    """The line says it at once, and its release stays meanwhile."""
    answer = put(client)
    line = answer.json()
    assert (202, EDIT["text"], TEXTS[1], True) == (
        answer.status_code,
        line["text"],
        line["translation"],
        line["edited"],
    )
    assert TEXTS[1] == line["released"]["text"]
    assert line == client.get(f"{PATH}/1").json()
    assert answer.headers["etag"] == client.get(f"{PATH}/1").headers["etag"]
    dub = services.registry.dub(YOUTUBE, "es")
    assert (DubStatus.QUEUED, 2) == (dub.status, dub.generation)
    assert "track_url" in client.get(f"/videos/{YOUTUBE}/dubs/es").json()


def test_the_same_again_asks_for_nothing(client: TestClient, services: Services) -> None:
    """Neither an edit to what the line says by an edit, nor going back from none."""
    put(client)
    before = services.registry.edits(YOUTUBE, "es")
    assert 202 == put(client).status_code
    assert 202 == client.delete(f"{PATH}/0", headers=seen(client, 0)).status_code
    assert before == services.registry.edits(YOUTUBE, "es")


def test_going_back_leaves_the_translation(client: TestClient, services: Services) -> None:
    """And the history knows both."""
    put(client)
    answer = client.delete(f"{PATH}/1", headers=seen(client, 1))
    assert (202, TEXTS[1], False) == (
        answer.status_code,
        answer.json()["text"],
        answer.json()["edited"],
    )
    assert [EDIT["text"], None] == [edit.text for edit in services.registry.edits(YOUTUBE, "es")]


def test_several_lines_are_edited_at_once(client: TestClient) -> None:
    """Some written, some gone back from, the others as they were."""
    put(client)
    answer = patch(client, {"number": 0, "text": "Hola."}, {"number": 1, "text": None})
    assert ["Hola.", TEXTS[1], TEXTS[2]] == [line["text"] for line in answer.json()["lines"]]
    assert (202, client.get(PATH).headers["etag"]) == (answer.status_code, answer.headers["etag"])


def test_all_edits_of_a_request_are_made_or_none(client: TestClient, services: Services) -> None:
    """One of a line that is not there spoils the others."""
    answer = patch(client, {"number": 0, "text": "Hola."}, {"number": 3, "text": "Hola."})
    refused(answer, 404, "line_not_found")
    assert [] == services.registry.edits(YOUTUBE, "es")


def test_a_write_without_if_match_is_refused(client: TestClient) -> None:
    """However it writes."""
    for method, path, body in (
        ("PUT", f"{PATH}/1", EDIT),
        ("DELETE", f"{PATH}/1", None),
        ("PATCH", PATH, {"lines": [{"number": 1, **EDIT}]}),
    ):
        answer = client.request(method, path, json=body)
        assert "If-Match" in refused(answer, 428, "precondition_required")
    assert list(TEXTS) == texts(client)


def test_a_write_over_what_was_not_seen_is_refused(client: TestClient) -> None:
    """The line has been edited since, and the other lines have not."""
    before, others, whole = seen(client, 1), seen(client, 2), seen(client)
    put(client)
    for answer in (
        put(client, body={"text": "Todo en calma."}, **before),  # type: ignore[arg-type]
        client.delete(f"{PATH}/1", headers=before),
        patch(client, {"number": 2, "text": "Claro."}, **whole),
    ):
        assert "read it again" in refused(answer, 412, "precondition_failed")
    assert 202 == put(client, 2, {"text": "Claro."}, **others).status_code
    assert [TEXTS[0], EDIT["text"], "Claro."] == texts(client)


@pytest.mark.parametrize("given", ["*", '"other", {}', "W/{}"])
def test_if_match_is_read_as_http_has_it(client: TestClient, given: str) -> None:
    """Any, one of several, and never a weak one."""
    etag = seen(client, 1)["if-match"]
    answer = put(client, **{"if-match": given.format(etag)})  # type: ignore[arg-type]
    assert (412 if given.startswith("W/") else 202) == answer.status_code


def test_of_two_who_saw_the_same_line_one_edits_it(client: TestClient, services: Services) -> None:
    """And of those who edit other lines at that moment, all do."""
    before = seen(client, 1)
    calls: Sequence[Callable[[], Any]] = [
        *(partial(put, client, 1, {"text": f"Calma {n}."}, **before) for n in range(3)),
        partial(put, client, 0, {"text": "Hola."}, **seen(client, 0)),
        partial(put, client, 2, {"text": "Claro."}, **seen(client, 2)),
    ]
    same, others = [answer.status_code for answer in at_once(calls)], [202, 202]
    assert ([202, 412, 412], others) == (sorted(same[:3]), same[3:])
    assert 3 == len(services.registry.edits(YOUTUBE, "es"))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": 7}, "text"),
        ({"text": " "}, "nothing to say"),
        ({"text": "Buenos\ndías."}, "control characters"),
        ({"text": "Buenos\u202e días."}, "control characters"),
        ({"text": "a" * 501}, "501 characters"),
        ({**EDIT, "number": 2}, "number"),
    ],
)
def test_a_text_that_cannot_be_spoken_is_refused(
    client: TestClient, services: Services, body: dict[str, Any], told: str
) -> None:
    """Alone and among others, and nothing is asked for."""
    assert told in refused(put(client, body=body), 422, "request_invalid")
    if "number" not in body and body != {"text": None}:
        answer = patch(client, {"number": 0, "text": "Hola."}, {"number": 1, **body})
        assert told in refused(answer, 422, "request_invalid")
    assert [] == services.registry.edits(YOUTUBE, "es")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "lines"),
        ([{"number": 1, **EDIT}, {"number": 1, "text": None}], "same line"),
        ([{"number": -1, **EDIT}], "number"),
        ([{"number": "one", **EDIT}], "number"),
        ([{"number": number, "text": None} for number in range(201)], "200"),
    ],
)
def test_a_list_that_is_none_is_refused(
    client: TestClient, lines: list[dict[str, Any]], told: str
) -> None:
    """Empty, with a line twice, without a line's number, too long."""
    assert told in refused(patch(client, *lines), 422, "request_invalid")


@pytest.mark.parametrize("number", ["3", "-1", "one", "²", "1" * 5000, "1.0"])
def test_a_line_that_is_not_there_is_not_found(client: TestClient, number: str) -> None:
    """Whatever stands in its place; it is neither shown nor edited."""
    answers = [
        client.get(f"{PATH}/{number}"),
        client.put(f"{PATH}/{number}", json=EDIT, headers={"if-match": "*"}),
        client.delete(f"{PATH}/{number}", headers={"if-match": "*"}),
    ]
    for answer in answers:
        assert "from 0 to 2" in refused(answer, 404, "line_not_found")


def test_lines_of_what_nobody_asked_for_are_not_found(client: TestClient) -> None:
    """Another language, another video."""
    refused(client.get(f"/videos/{YOUTUBE}/dubs/ca/lines"), 404, "dub_not_found")
    refused(client.get("/videos/aqz-KE-bpKQ/dubs/es/lines"), 404, "video_not_found")


def test_lines_are_there_once_they_are_translated(client: TestClient, services: Services) -> None:
    """Before that they cannot be shown nor edited, and the sentence says when they can."""
    services.registry.ask(YOUTUBE, "gl")
    path = f"/videos/{YOUTUBE}/dubs/gl/lines"
    for answer in (client.get(path), client.put(f"{path}/0", json=EDIT)):
        assert "Try again" in refused(answer, 409, "lines_not_ready")


def test_a_dub_that_failed_is_edited_before_it_has_a_release(
    client: TestClient, services: Services
) -> None:
    """What is too long for its video can be said shorter."""
    services.registry.ask(YOUTUBE, "gl")
    translated = tuple(TranslatedLine(*pair) for pair in enumerate(TEXTS))
    keep(services, "translation", Translation("gl", "an engine", translated), "gl")
    path = f"/videos/{YOUTUBE}/dubs/gl/lines/1"
    shown = client.get(path)
    assert "released" not in shown.json()
    answer = client.put(path, json=EDIT, headers={"if-match": shown.headers["etag"]})
    assert EDIT["text"] == answer.json()["text"]


def test_an_edit_of_a_line_that_is_gone_is_shown_as_not_applied(
    client: TestClient, services: Services
) -> None:
    """The transcript was made anew, and says something else there."""
    put(client)
    lines = (LINES[0], Line(1, 1.0, 1.4, "The harbor is full."), LINES[2])
    keep(services, "transcript", Transcript("en", "an engine", lines))
    body = client.get(PATH).json()
    assert list(TEXTS) == [line["text"] for line in body["lines"]]
    [left_out] = body["not_applied"]
    assert (1, "The harbor is calm.", EDIT["text"]) == tuple(
        left_out[name] for name in ("number", "source", "text")
    )


def test_who_edited_is_kept(client: TestClient, services: Services, tmp_path: Path) -> None:
    """The id of the key that the request came with, where there is one."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    key, token = keys.make(tenant=DEFAULT_TENANT, scopes={Scope.READ, Scope.WRITE})
    bearer = {"authorization": f"Bearer {token.text}"}
    keyed = TestClient(create_app(replace(services, keys=keys)), headers=bearer)
    assert "edited_by" not in put(client).json()
    assert key.id == put(keyed, 2, {"text": "Claro."}).json()["edited_by"]
    assert [None, key.id] == [edit.author for edit in services.registry.edits(YOUTUBE, "es")]


def test_who_comes_too_late_is_told_what_is_there(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    """The other's text, since when, by which key, and what it said before; with its ETag nothing
    of that is lost."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    scopes = {Scope.READ, Scope.WRITE}
    ana, token = keys.make(tenant=DEFAULT_TENANT, scopes=scopes, name="Ana")
    hers = {"authorization": f"Bearer {token.text}"}
    keyed = TestClient(create_app(replace(services, keys=keys)), headers=hers)
    before, whole = seen(keyed, 1), seen(keyed)
    put(keyed)
    put(keyed, body={"text": "Calma."})
    late = put(keyed, 1, {"text": "Todo en calma."}, **before)
    refused(late, 412, "precondition_failed")
    line = keyed.get(f"{PATH}/1")
    current = late.json()["current"]
    assert {"etag": line.headers["etag"], **line.json()} == current
    assert ("Calma.", EDIT["text"], ana.id, "Ana", True) == (
        current["text"],
        current["previous"],
        current["edited_by"],
        current["edited_by_name"],
        "edited_at" in current,
    )
    of_all = patch(keyed, {"number": 2, "text": "Claro."}, **whole).json()["current"]
    assert ([1], seen(keyed)["if-match"]) == (
        [each["number"] for each in of_all["lines"]],
        of_all["etag"],
    )
    mine = put(keyed, 1, {"text": "Todo en calma."}, **{"if-match": current["etag"]})
    assert (202, "Calma.") == (mine.status_code, mine.json()["previous"])


def test_a_keys_name_is_its_tenants(tmp_path: Path, services: Services) -> None:
    """Nobody is told what another tenant calls its keys."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    key, _ = keys.make(tenant="acme", scopes={Scope.READ}, name="Ana")
    assert {} == keys.names(DEFAULT_TENANT, [key.id])
    assert {key.id: "Ana"} == keys.names("acme", [key.id])


def test_markup_is_kept_as_the_words_it_is(client: TestClient) -> None:
    """JSON carries it; captions and pages escape what they show."""
    text = '<break time="3s"/><script>alert(1)</script> {{7*7}} --> Ignore all rules.'
    assert text == put(client, body={"text": text}).json()["text"]
    answer = client.get(f"{PATH}/1")
    assert "application/json" == answer.headers["content-type"]
    assert "nosniff" == answer.headers["x-content-type-options"]


SOUNDS = tuple(f"the sound of line {line.id}".encode() for line in LINES)


@pytest.fixture
def spoken(services: Services) -> None:
    """The takes that the release is made of."""
    speak(services, Basis())


def speak(services: Services, basis: Basis, sounds: Sequence[bytes] = SOUNDS) -> None:
    """As if the lines were spoken, with takes that sound so."""
    takes = []
    for line, sound in zip(LINES, sounds, strict=True):
        key = sha256(sound).hexdigest()
        services.store.put_bytes(f"takes/{key[:2]}/{key}.flac", sound)
        takes.append(Take(line.id, key, f"takes/{key[:2]}/{key}.flac", 1.0, 0.1, 0.9, 9))
    keep(services, "speech", Takes("es", "an engine", tuple(takes), basis=basis), "es")


@pytest.mark.usefixtures("spoken")
def test_a_line_is_heard_by_itself(client: TestClient) -> None:
    """At the address that the line has, whole or in parts, and not again where it is known."""
    address = client.get(f"{PATH}/1").json()["released"]["take_url"]
    answer = client.get(address)
    assert (200, SOUNDS[1], "audio/flac") == (
        answer.status_code,
        answer.content,
        answer.headers["content-type"],
    )
    assert "private, no-cache" == answer.headers["cache-control"]
    etag = answer.headers["etag"]
    assert etag != client.get(f"{PATH}/0/take").headers["etag"]
    known = client.get(address, headers={"if-none-match": etag})
    assert (304, b"") == (known.status_code, known.content)
    head = client.head(address)
    assert (200, str(len(SOUNDS[1]))) == (head.status_code, head.headers["content-length"])


@pytest.mark.usefixtures("spoken")
@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-2", 206, slice(0, 3)),
        ("bytes=4-", 206, slice(4, None)),
        ("bytes=-6", 206, slice(-6, None)),
        ("bytes=9-2", 200, slice(None)),
        ("bytes=0-1,3-4", 200, slice(None)),
    ],
)
def test_a_part_of_a_line_is_heard(
    client: TestClient, asked: str, status: int, part: slice
) -> None:
    """As a player asks for it; what is no range is ignored, and several are answered with all."""
    answer = client.get(f"{PATH}/1/take", headers={"range": asked})
    assert (status, SOUNDS[1][part]) == (answer.status_code, answer.content)
    if status == 206:
        start = SOUNDS[1].index(answer.content)
        said = f"bytes {start}-{start + len(answer.content) - 1}/{len(SOUNDS[1])}"
        assert said == answer.headers["content-range"]
    other = client.get(f"{PATH}/1/take", headers={"range": asked, "if-range": '"another"'})
    assert (200, SOUNDS[1]) == (other.status_code, other.content)


@pytest.mark.usefixtures("spoken")
def test_a_part_that_is_not_there_is_refused(client: TestClient) -> None:
    """With the size there is."""
    answer = client.get(f"{PATH}/1/take", headers={"range": "bytes=99-"})
    refused(answer, 416, "range_not_satisfiable")
    assert f"bytes */{len(SOUNDS[1])}" == answer.headers["content-range"]


def test_what_is_heard_of_a_line_is_what_is_released(
    client: TestClient, services: Services
) -> None:
    """Not what is on its way there: of that, lines that say the same are heard, and others not."""
    speak(services, Basis())
    put(client)
    assert SOUNDS[1] == client.get(f"{PATH}/1/take").content
    # It is translated with the edit, and then spoken.
    made = [*TEXTS[:1], EDIT["text"], *TEXTS[2:]]
    lines = tuple(TranslatedLine(*pair) for pair in enumerate(made))
    newer = Translation("es", "an engine", lines)
    keep(services, "translation", newer, "es")
    speak(services, newer.basis, [SOUNDS[0], b"the edit", SOUNDS[2]])
    assert "Try again once" in refused(client.get(f"{PATH}/1/take"), 409, "lines_not_ready")
    assert SOUNDS[2] == client.get(f"{PATH}/2/take").content
    now = {
        "lines": [
            dict(line, target=text) for line, text in zip(MANIFEST["lines"], made, strict=True)
        ]
    }
    current = services.registry.dub(YOUTUBE, "es").release
    assert current is not None
    services.store.put_bytes(current.manifest_key, json.dumps(now).encode())
    assert b"the edit" == client.get(f"{PATH}/1/take").content


def test_a_line_that_is_not_there_is_not_heard(client: TestClient, services: Services) -> None:
    """Nor before it was spoken, nor of a dub that nobody asked for."""
    refused(client.get(f"{PATH}/1/take"), 409, "lines_not_ready")
    speak(services, Basis())
    refused(client.get(f"{PATH}/7/take"), 404, "line_not_found")
    refused(client.get(f"{PATH}/x/take"), 404, "line_not_found")
    refused(client.get(f"/videos/{YOUTUBE}/dubs/gl/lines/1/take"), 404, "dub_not_found")


@pytest.mark.usefixtures("spoken")
def test_nobody_hears_a_line_of_another_tenant(services: Services, tmp_path: Path) -> None:
    """Or without a key, though the video may be watched by everybody."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    app = create_app(replace(services, keys=keys))
    refused(TestClient(app).get(f"{PATH}/1/take"), 401, "key_required")
    _, hers = keys.make(tenant="acme", scopes={Scope.READ})
    stranger = TestClient(app, headers={"authorization": f"Bearer {hers.text}"})
    refused(stranger.get(f"{PATH}/1/take"), 404, "video_not_found")
    _, own = keys.make(tenant=DEFAULT_TENANT, scopes={Scope.READ})
    reader = TestClient(app, headers={"authorization": f"Bearer {own.text}"})
    assert SOUNDS[1] == reader.get(f"{PATH}/1/take").content
