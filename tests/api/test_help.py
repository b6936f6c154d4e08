"""The documents as the API shows them: where a site was made, and where none was."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api import rendering
from api.app import create_app
from api.services import Services

# What a page of the site may do, which is the same for each.
ALLOWED = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "media-src": ["'self'"],
    "connect-src": ["'self'"],
    "worker-src": ["'self'"],
    "form-action": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}


@pytest.fixture
def without(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A platform without a site, whatever this checkout has."""
    monkeypatch.setattr(rendering, "SITE_DIR", tmp_path / "site")
    return TestClient(create_app(services), follow_redirects=False)


@pytest.fixture
def site(without: TestClient, tmp_path: Path) -> TestClient:
    """The same where somebody has made one since it was started."""
    (tmp_path / "site" / "guides").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not for readers")
    (tmp_path / "site" / "index.html").write_text("<h1>Start</h1>")
    (tmp_path / "site" / "guides" / "index.html").write_text("<h1>Guides</h1>")
    (tmp_path / "site" / "search.json").write_text("{}")
    return without


@pytest.mark.parametrize("path", ["/help", "/help/", "/help/index.html"])
def test_without_a_site_there_is_nothing(without: TestClient, path: str) -> None:
    """And what is asked for is not found, as anything else that is not there."""
    answer = without.get(path)
    assert (404, "not_found") == (answer.status_code, answer.json()["code"])


def test_who_asks_for_help_is_told_how_it_is_made(without: TestClient) -> None:
    """In the sentence of the refusal; and no page leads there."""
    assert "make docs" in without.get("/help").json()["detail"]
    assert "/help" not in without.get("/").text


def test_the_first_page_is_at_the_address_of_all(site: TestClient) -> None:
    """With a slash at its end, as its links lead to what is beside it."""
    led = site.get("/help")
    assert (302, "/help/") == (led.status_code, led.headers["location"])
    first = site.get("/help/")
    assert (200, "<h1>Start</h1>") == (first.status_code, first.text)
    assert first.text == site.get("/help/index.html").text


def test_other_pages_lead_there(site: TestClient) -> None:
    """Where there is something to read."""
    assert 'href="/help/"' in site.get("/").text


@pytest.mark.parametrize("path", ["", "index.html", "guides/index.html", "search.json"])
def test_nothing_of_a_page_runs_or_asks_elsewhere(site: TestClient, path: str) -> None:
    """No script and no style that stands in it, and no other host."""
    said = site.get(f"/help/{path}").headers["content-security-policy"]
    parts = [part.split() for part in said.split(";")]
    assert {name: values for name, *values in parts} == ALLOWED


def test_a_style_that_the_site_names_is_let_in(site: TestClient, tmp_path: Path) -> None:
    """By its digest alone: whatever else stands there changes nothing."""
    digest = f"sha256-{'a' * 43}="
    named = f"{digest}\n'unsafe-inline'\nhttps://evil.example\nsha256-{'b' * 43}=;script-src\n"
    (tmp_path / "site" / "styles.txt").write_text(named)
    said = site.get("/help/").headers["content-security-policy"].split("; ")
    assert [f"style-src 'self' '{digest}'"] == [part for part in said if "style" in part]
    assert ["script-src 'self'"] == [part for part in said if "script" in part]


@pytest.mark.parametrize(
    "path",
    [
        "guides",
        "nothing.html",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "guides/%2e%2e/%2e%2e/secret.txt",
    ],
)
def test_there_is_nothing_but_its_files(site: TestClient, path: str) -> None:
    """No folder, nothing beside it, and no redirect to a name that a request says."""
    answer = site.get(f"/help/{path}", headers={"host": "testserver"})
    assert 404 == answer.status_code
    assert "not for readers" not in answer.text


def test_what_a_browser_has_is_not_sent_again(site: TestClient) -> None:
    """By its ETag."""
    etag = site.get("/help/search.json").headers["etag"]
    again = site.get("/help/search.json", headers={"if-none-match": etag})
    assert (304, b"") == (again.status_code, again.content)
