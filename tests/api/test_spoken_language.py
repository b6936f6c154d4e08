"""A video whose language nobody named: what can be asked of it before it is known, and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.registry import DubStatus
from tests.support.rig.services import YOUTUBE, Services, make_services


def hand_in(client: TestClient, *languages: str, **fields: Any) -> Any:
    body = {"source": YOUTUBE, "languages": languages, **fields}
    return client.post("/videos", json=body)


def test_a_video_can_be_handed_in_without_its_language(client: TestClient) -> None:
    """Into any language that something can be dubbed into; `auto` stands in its place."""
    answer = hand_in(client, "en", "es", source_language="Auto")
    assert (202, "auto") == (answer.status_code, answer.json()["language"])
    assert ["en", "es"] == [dub["language"] for dub in answer.json()["dubs"]]
    assert 202 == client.put(f"/videos/{YOUTUBE}/dubs/ca").status_code


def test_what_no_language_can_be_dubbed_into_is_refused(client: TestClient) -> None:
    """With what there is so far."""
    answer = hand_in(client, "de", source_language="auto")
    assert (422, "language_not_available") == (answer.status_code, answer.json()["code"])
    assert answer.json()["detail"].endswith("there is: ca, en, eo, es, gl.")


def test_once_it_is_known_it_is_what_a_language_is_judged_by(
    client: TestClient, services: Services
) -> None:
    """As if the first request had named it."""
    hand_in(client, "es", source_language="auto")
    services.registry.note_source(YOUTUBE, language="en", channel_id=None, channel_title="")
    assert "en" == client.get(f"/videos/{YOUTUBE}").json()["language"]
    assert 422 == client.put(f"/videos/{YOUTUBE}/dubs/en").status_code
    assert 422 == hand_in(client, "en", source_language="ca").status_code


def test_it_can_be_named_after_nobody_could_tell(client: TestClient, services: Services) -> None:
    """Asking again without naming it leaves it open."""
    hand_in(client, "es", source_language="auto")
    assert "auto" == hand_in(client, "es").json()["language"]
    assert "en" == hand_in(client, "es", source_language="en").json()["language"]
    assert "en" == services.registry.video(YOUTUBE).language


def test_where_nobody_can_tell_it_must_be_named(tmp_path: Path) -> None:
    """The sentence says as what."""
    services = make_services(tmp_path, detects_languages=False)
    with TestClient(create_app(services)) as client:
        answer = hand_in(client, "es", source_language="auto")
    assert (422, "language_not_available") == (answer.status_code, answer.json()["code"])
    assert "source_language" in answer.json()["detail"]
    assert [] == list(services.registry.videos().videos)


@pytest.fixture
def open_services(tmp_path: Path) -> Services:
    """One whose operator set DUB_SOURCE_LANGUAGE=auto."""
    return make_services(tmp_path, source_language="auto")


def test_an_operator_can_leave_it_open_for_all(open_services: Services) -> None:
    """A request that names none is then one for `auto`; one that names it decides."""
    with TestClient(create_app(open_services)) as client:
        assert "auto" == hand_in(client, "es").json()["language"]
        assert "en" == hand_in(client, "es", source_language="en").json()["language"]


def test_the_pages_do_without_it(open_services: Services) -> None:
    """The form offers every language there is, and who waits is told how far it is."""
    with TestClient(create_app(open_services)) as client:
        page = client.get("/").text
        assert '<option value="auto" selected>' in page
        assert 5 == page.count('name="languages"')
        hand_in(client, "es")
        assert "Spanish is on its way" in client.get(f"/watch?v={YOUTUBE}").text
        assert "Nobody asked" in client.get(f"/watch?v={YOUTUBE}&lang=ca").text
    assert DubStatus.QUEUED is open_services.registry.dub(YOUTUBE, "es").status
