"""The watch page in the languages that it speaks, and what is on it while a dub is made."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone

import pytest
from starlette.testclient import TestClient

from api.pages.watch import STAGES
from api.rendering import STATIC_DIR
from dub_platform.registry.records import NewVideo, Source, Work
from tests.support.rig.services import YOUTUBE, Services, prepare, release

SPANISH = {"accept-language": "es-MX,es;q=0.9"}


def steps(page: str) -> list[str]:
    """What each step is: done, now, or next."""
    return re.findall(r'<li class="(done|now|next)"', page)


def test_the_page_speaks_the_viewers_language(client: TestClient, services: Services) -> None:
    """By what the browser likes best, or by the address; failures too."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["ca"])
    page = client.get(f"/watch?v={YOUTUBE}&lang=ca", headers=SPANISH)
    assert ("es", "Accept-Language") == (
        page.headers["content-language"],
        page.headers["vary"].split(",")[0],
    )
    assert '<html lang="es">' in page.text
    assert "El catalán está en camino:" in page.text
    assert "Catalan is on its way:" in client.get(f"/watch?v={YOUTUBE}&lang=ca&hl=en").text
    details = {"code": "source_unreachable", "message": "Set DUB_YOUTUBE_PROXY."}
    services.registry.fail(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))
    page = client.get(f"/watch?v={YOUTUBE}&lang=ca", headers=SPANISH)
    assert "No se pudo llegar al sitio que tiene este vídeo." in page.text
    assert "Intentar de nuevo" in page.text


def test_a_viewer_hears_a_language_that_they_read(client: TestClient, services: Services) -> None:
    """If it is released, and the address names none."""
    for language in ("ca", "es"):
        release(services, YOUTUBE, language)
    for header, chosen in (("es", "es"), ("ca, es;q=0.5", "ca"), ("fr", "ca")):
        page = client.get(f"/watch?v={YOUTUBE}", headers={"accept-language": header}).text
        assert f'value="{chosen}" checked' in page


def test_steps_never_go_back(client: TestClient, services: Services) -> None:
    """What was made for the video stays done while its dub waits; other languages are named."""
    registry = services.registry
    registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["ca", "es"])
    address = f"/watch?v={YOUTUBE}&lang=es"
    assert ["next"] * len(STAGES) == steps(client.get(address).text)
    prepare(services, YOUTUBE)
    page = client.get(address).text
    assert ["done"] * 3 + ["next"] * 4 == steps(page)
    assert 'Also being made: <span lang="ca" dir="ltr">català</span> (queued)' in page
    for work in registry.claim_dubs(limit=10, now=datetime.now(timezone.utc)):
        registry.begin_work(work, "run")
    registry.note_stage(YOUTUBE, "es", "speech")
    page = client.get(address).text
    assert ["done"] * 4 + ["now"] + ["next"] * 2 == steps(page)
    assert '<li class="now" aria-current="step">speaking' in page
    assert re.search(r'data-since="\d{4}-', page)


def test_scripts_have_the_texts_that_they_show(client: TestClient, services: Services) -> None:
    """Each that a script names is on the pages where it can be shown."""
    release(services, YOUTUBE, "es")
    services.registry.ask(YOUTUBE, "ca")
    shown: set[str] = set()
    for lang in ("es", "ca"):
        page = client.get(f"/watch?v={YOUTUBE}&lang={lang}").text
        found = re.search(r'id="texts">(.*?)</script>', page)
        assert found
        shown |= set(json.loads(found[1]))
    named: set[str] = set()
    for path in (STATIC_DIR / "watch").glob("*.js"):
        if path.name != "keyed.js":
            for call in re.findall(r"\btext\(([^;]*?)\)", path.read_text()):
                named |= set(re.findall(r'"([a-z_]+)"', call))
    assert named == shown


def test_what_a_dub_is_made_of_is_said(client: TestClient, services: Services) -> None:
    """Its voice is a machine's, whoever watches it and wherever."""
    release(services, YOUTUBE, "es")
    for path in ("watch", "embed"):
        page = client.get(f"/{path}?v={YOUTUBE}&lang=es").text
        assert "AI-dubbed" in page
        assert "made by a machine" in page


@pytest.mark.parametrize("path", ["watch", "embed"])
@pytest.mark.parametrize(
    ("query", "status"), [("", 422), ("v=nonsense", 422), ("v=video-00009", 404)]
)
def test_a_player_of_nothing_is_an_error(
    client: TestClient, path: str, query: str, status: int
) -> None:
    """No id, a wrong id, an unknown video."""
    assert status == client.get(f"/{path}?{query}").status_code
