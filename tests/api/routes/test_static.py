"""The pages' styles and scripts: how long a browser keeps them, and under which addresses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api import rendering
from api.rendering import STATIC_DIR, static, static_version
from tests.support.rig.services import YOUTUBE, Services, release

PAGES = ("/", f"/watch?v={YOUTUBE}&lang=es", f"/edit?v={YOUTUBE}&lang=es", "/docs")
OTHER = "v-0123456789abcdef"
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", PAGES)
def test_all_styles_and_scripts_of_a_page_are_kept_for_a_year(
    client: TestClient, services: Services, path: str
) -> None:
    """What the page names, and all that its modules import from there on."""
    release(services, YOUTUBE, "es")
    waiting = re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get(path).text)
    seen: set[str] = set()
    assert waiting
    while waiting:
        address = waiting.pop()
        answer = client.get(address)
        assert (200, FOR_EVER) == (answer.status_code, answer.headers["cache-control"]), address
        seen.add(address)
        imported = re.findall(r'^(?:import|export) .*"(\./[^"]+)";$', answer.text, re.MULTILINE)
        found = {str(answer.request.url.join(each).path) for each in imported}
        waiting.extend(found - seen)
    assert all(address.startswith(f"/static/{static_version()}/") for address in seen)


def test_a_file_of_another_release_is_not_kept(client: TestClient) -> None:
    """While servers are replaced, an older one sends what it has, and no browser keeps that."""
    for path in (f"/static/{OTHER}/watch/main.js", "/static/watch/main.js"):
        answer = client.get(path)
        assert (200, "private, no-cache") == (answer.status_code, answer.headers["cache-control"])


@pytest.mark.parametrize(
    "path",
    [
        f"/static/{static_version()}",
        f"/static/{static_version()}/",
        f"/static/{static_version()}/nothing.js",
        f"/static/{static_version()}/../../watch.py",
        f"/static/{static_version()}/{static_version()}/watch/main.js",
        f"/static/{static_version()}/%2e%2e/%2e%2e/watch.py",
        f"/static/{static_version()}//etc/passwd",
    ],
)
def test_nothing_else_is_found_below_a_version(client: TestClient, path: str) -> None:
    """Nor is a refusal kept."""
    answer = client.get(path)
    assert (404, "private, no-cache") == (answer.status_code, answer.headers["cache-control"])


def test_a_change_of_any_file_is_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its bytes or its name; and the same files have the same one anywhere."""
    monkeypatch.setattr(rendering, "STATIC_DIR", tmp_path)
    versions = []
    for name, content in (("a.js", "1"), ("a.js", "2"), ("b.js", "2"), ("a.js", "1")):
        for old in tmp_path.iterdir():
            old.unlink()
        (tmp_path / name).write_text(content)
        versions.append(static_version.__wrapped__())
    assert 3 == len(set(versions))
    assert versions[0] == versions[3]


def test_the_version_stands_before_the_name() -> None:
    """So that a module's relative imports have it too."""
    assert re.fullmatch(r"/static/v-[0-9a-f]{16}/editor/main\.js", static("editor/main.js"))
    assert (STATIC_DIR / "editor/main.js").is_file()
