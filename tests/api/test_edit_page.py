"""The line editor as the server sends it: its frame, its languages, and what it keeps back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.pages.texts import PAGES, all_texts
from dub_platform.registry.api_keys import ApiKeys
from tests.support.rig.services import YOUTUBE, Services, release

PATH = f"/edit?v={YOUTUBE}&lang=es"


def test_the_page_says_the_same_whatever_there_is(client: TestClient, services: Services) -> None:
    """Of a video that is there no more than of one that is not: the lines are the API's to show."""
    before = client.get(PATH)
    release(services, YOUTUBE, "es")
    after = client.get(PATH)
    assert (200, before.text) == (after.status_code, after.text)
    assert "A harbor" not in after.text


def test_the_page_runs_no_script_but_our_own_files(client: TestClient) -> None:
    """The texts stand in it as data, and what is in the address is escaped."""
    answer = client.get(PATH)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert {"application/json", "module"} == set(re.findall('<script type="([^"]+)"', answer.text))
    assert 2 == answer.text.count("<script")


@pytest.mark.parametrize(
    ("query", "header", "code"),
    [
        ("", "", "en"),
        ("", "es-MX,es;q=0.9,en;q=0.5", "es"),
        ("", "fr, en;q=0.3, es;q=0.7", "es"),
        ("", "de", "en"),
        ("", ";;q=x,,", "en"),
        ("&hl=es", "en", "es"),
        ("&hl=../../etc/passwd", "", "en"),
    ],
)
def test_the_page_speaks_the_language_that_is_asked_for(
    client: TestClient, query: str, header: str, code: str
) -> None:
    """By the address, or else by what the browser likes best."""
    answer = client.get(PATH + query, headers={"accept-language": header})
    assert (code, "Accept-Language") == (
        answer.headers["content-language"],
        answer.headers["vary"].split(",")[0],
    )
    assert f'<html lang="{code}">' in answer.text
    told = re.search(r'id="texts">(.*?)</script>', answer.text)
    assert told
    assert all_texts("edit")[code].by_key == json.loads(told[1])


@pytest.mark.parametrize("page", PAGES)
def test_each_language_has_all_texts(page: str) -> None:
    """With the same values to be filled in, whatever the form."""

    def values(given: Any) -> set[str]:
        texts = given.values() if isinstance(given, dict) else [given]
        return {name for text in texts for name in re.findall(r"{(\w+)}", str(text))}

    english = all_texts(page)["en"].by_key
    for texts in all_texts(page).values():
        assert {key: values(each) for key, each in english.items()} == {
            key: values(each) for key, each in texts.by_key.items()
        }
        assert len(english["keys"]) == len(texts["keys"])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "video_id_invalid"),
        ("?v=no+id&lang=es", "video_id_invalid"),
        (f"?v={YOUTUBE}", "language_unknown"),
        (f"?v={YOUTUBE}&lang=xx", "language_unknown"),
    ],
)
def test_an_address_that_lacks_something_says_what(
    client: TestClient, query: str, code: str
) -> None:
    """With its code, as the watch page does."""
    answer = client.get(f"/edit{query}")
    assert (422, code) == (answer.status_code, answer.json()["code"])


def test_a_key_is_asked_for_where_keys_are(services: Services, tmp_path: Path) -> None:
    """In a field that no form and no address can send."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    page = TestClient(create_app(replace(services, keys=keys))).get(PATH)
    assert 200 == page.status_code
    field = re.search(r'<input id="key"[^>]*>', page.text)
    assert field
    assert "name=" not in field[0]
    assert re.search(r'<form id="key-form" class="card" >', page.text)


def test_the_watch_page_leads_to_the_editor(client: TestClient, services: Services) -> None:
    """Of each dub, and not of the original."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert [f"/edit?v={YOUTUBE}&amp;lang=es"] == re.findall(r'href="(/edit[^"]*)"', page)
