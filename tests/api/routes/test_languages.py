"""GET /languages: what a video can be dubbed into here."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_the_languages_there_are_have_their_names(client: TestClient) -> None:
    """From the language that is usual here."""
    answer = client.get("/languages")
    assert (200, "en") == (answer.status_code, answer.json()["source_language"])
    languages = answer.json()["languages"]
    by = {"translated_by": ["apertium"], "spoken_by": "espeak"}
    assert {"language": "ca", "name": "Catalan", "direction": "ltr", **by} == languages[0]
    assert ["ca", "eo", "es", "gl"] == [each["language"] for each in languages]


def test_they_depend_on_what_is_spoken(client: TestClient) -> None:
    """From one that nothing is translated from, there is none."""
    answer = client.get("/languages", params={"source_language": "DE"})
    assert {"source_language": "de", "languages": []} == answer.json()
    named = client.get("/languages", params={"source_language": "auto"}).json()["languages"]
    assert "en" in [each["language"] for each in named]


def test_a_language_that_is_none_is_refused(client: TestClient) -> None:
    """As everywhere."""
    answer = client.get("/languages", params={"source_language": "klingonese"})
    assert (422, "language_unknown") == (answer.status_code, answer.json()["code"])


def test_who_knows_them_is_not_sent_them_again(client: TestClient) -> None:
    """Until another is installed."""
    etag = client.get("/languages").headers["etag"]
    assert 304 == client.get("/languages", headers={"if-none-match": etag}).status_code
