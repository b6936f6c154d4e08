"""Glossary and formality of a request: what is taken, what it changes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.registry import DubStatus
from tests.support.rig.services import YOUTUBE, Services, make_services, release

GLOSSARY = {"Acme": None, "harbor": {"es": "puerto", "ca": "port"}}
SPANISH = {"Acme": None, "harbor": {"es": "puerto"}}
CATALAN = {"Acme": None, "harbor": {"ca": "port"}}
BAY = {"harbor": {"es": "bahía"}}


def hand_in(client: TestClient, **fields: Any) -> Any:
    body = {"source": YOUTUBE, "languages": ["es", "ca"], **fields}
    answer = client.post("/videos", json=body)
    assert (202, answer.text) == (answer.status_code, answer.text)
    return answer.json()


def ask(client: TestClient, **fields: Any) -> Any:
    answer = client.put(f"/videos/{YOUTUBE}/dubs/es", json=fields)
    assert (202, answer.text) == (answer.status_code, answer.text)
    return answer.json()


def said(dub: Any) -> tuple[Any, str | None, str, int]:
    """The wording, status and generation of a dub as it was answered."""
    return dub.get("glossary"), dub.get("formality"), dub["status"], dub["generation"]


def test_each_dub_is_answered_with_its_wording(client: TestClient) -> None:
    """A kept word, the renderings in its language, and the formality; nothing where none is."""
    dubs = hand_in(client, glossary=GLOSSARY, formality="formal")["dubs"]
    assert [(CATALAN, "formal", "queued", 1), (SPANISH, "formal", "queued", 1)] == [
        said(dub) for dub in dubs
    ]
    unsaid = client.put(f"/videos/{YOUTUBE}/dubs/gl").json()
    assert set() == {"glossary", "formality"} & set(unsaid)


def test_a_form_has_the_glossary_as_json(
    client: TestClient, services: Services, clip: Path
) -> None:
    """In a field of its own; fields that a browser sends empty say nothing."""
    file = {"file": ("clip.mp4", clip.read_bytes())}
    fields = {"languages": "es", "glossary": json.dumps(GLOSSARY), "formality": "informal"}
    body = client.post("/videos", files=file, data=fields).json()
    assert [(SPANISH, "informal", "queued", 1)] == [said(dub) for dub in body["dubs"]]
    again = {"languages": "es", "glossary": " ", "formality": ""}
    client.post("/videos", files=file, data=again)
    assert "informal" == services.registry.dub(body["id"], "es").formality


def test_a_released_dub_is_made_anew_in_another_wording(
    client: TestClient, services: Services
) -> None:
    """And not for the same, nor for nothing; its release is there meanwhile."""
    release(services, YOUTUBE, "es")
    assert (None, None, "released", 1) == said(client.put(f"/videos/{YOUTUBE}/dubs/es").json())
    assert (BAY, None, "queued", 2) == said(ask(client, glossary=BAY))
    assert "track_url" in client.get(f"/videos/{YOUTUBE}/dubs/es").json()
    assert (BAY, None, "queued", 2) == said(ask(client, glossary=BAY))
    assert (BAY, "formal", "queued", 2) == said(ask(client, formality="formal"))


def test_handing_a_video_in_again_asks_in_the_wording_of_then(
    client: TestClient, services: Services
) -> None:
    """For the languages it names; the one that it leaves out stays."""
    release(services, YOUTUBE, "es")
    release(services, YOUTUBE, "ca")
    body = hand_in(client, languages=["es"], formality="formal")
    assert [("released", 1), ("queued", 2)] == [
        (dub["status"], dub["generation"]) for dub in body["dubs"]
    ]


def test_who_watches_keeps_what_is_released(client: TestClient, services: Services) -> None:
    """The player has the dub while it is made anew."""
    release(services, YOUTUBE, "es")
    ask(client, formality="formal")
    assert DubStatus.QUEUED is services.registry.dub(YOUTUBE, "es").status
    page = client.get(f"/watch?v={YOUTUBE}").text
    assert 'value="es" checked' in page


@pytest.mark.parametrize(
    ("fields", "code", "told"),
    [
        ({"glossary": "harbor = puerto"}, "request_invalid", "object"),
        ({"glossary": []}, "request_invalid", "object"),
        ({"glossary": {"harbor": "puerto"}}, "request_invalid", "harbor"),
        ({"glossary": {"harbor": {"klingon": "x"}}}, "language_unknown", "klingon"),
        ({"glossary": {"x" * 101: None}}, "request_invalid", "100 characters"),
        ({"glossary": {str(n): None for n in range(501)}}, "request_invalid", "at most 500"),
        ({"formality": "rude"}, "request_invalid", "formality"),
        ({"formality": ["formal"]}, "request_invalid", "formality"),
        ({"glosary": {}}, "request_invalid", "glosary"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_wording_that_is_none_is_refused(
    client: TestClient,
    services: Services,
    method: str,
    fields: dict[str, Any],
    code: str,
    told: str,
) -> None:
    """With what it should be, and nothing is asked for."""
    video = {"source": YOUTUBE, "languages": ["ca"]}
    client.post("/videos", json=video)
    path = "/videos" if method == "POST" else f"/videos/{YOUTUBE}/dubs/es"
    new = {**video, "languages": ["es"]} if method == "POST" else {}
    answer = client.request(method, path, json={**new, **fields})
    assert (422, code) == (answer.status_code, answer.json()["code"])
    assert told in answer.json()["detail"]
    assert ["ca"] == [dub.language for dub in services.registry.dubs(YOUTUBE)]


@pytest.mark.parametrize("glossary", ["{", "[" * 5000, '{"harbor": NaN}', '"harbor"'])
def test_a_forms_glossary_that_is_none_is_refused(
    client: TestClient, clip: Path, glossary: str
) -> None:
    """Broken JSON, bottomless JSON, and JSON that is no object."""
    file = {"file": ("clip.mp4", clip.read_bytes())}
    data = {"languages": "es", "glossary": glossary}
    answer = client.post("/videos", files=file, data=data)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"glossary=x", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_a_body_that_is_no_order_is_refused(
    client: TestClient, body: bytes, kind: str, status: int
) -> None:
    """Another type, broken JSON, no object, too much."""
    client.post("/videos", json={"source": YOUTUBE, "languages": ["ca"]})
    answer = client.put(f"/videos/{YOUTUBE}/dubs/es", content=body, headers={"content-type": kind})
    assert status == answer.status_code


@pytest.mark.parametrize("wording", [{"glossary": BAY}, {"formality": "formal"}])
def test_a_wording_that_nobody_heeds_is_refused(tmp_path: Path, wording: dict[str, Any]) -> None:
    """The sentence says what to do; a request that binds the translator to nothing is taken."""
    services = make_services(tmp_path, heeds_wording=False)
    with TestClient(create_app(services)) as client:
        video = {"source": YOUTUBE, "languages": ["es"]}
        client.post("/videos", json={**video, "glossary": {}, "formality": "neutral"})
        posted = client.post("/videos", json={**video, "languages": ["ca"], **wording})
        put = client.put(f"/videos/{YOUTUBE}/dubs/ca", json=wording)
    for answer in (posted, put):
        assert (422, "wording_not_available") == (answer.status_code, answer.json()["code"])
        assert "DUB_TRANSLATOR" in answer.json()["detail"]
    assert ["es"] == [dub.language for dub in services.registry.dubs(YOUTUBE)]
