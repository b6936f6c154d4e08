"""The site as it is made, and as a browser shows it under /help: whole, and by itself."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, expect, sync_playwright

from api import rendering
from docs import build
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import make_services, serving

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("site")]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome-stable")


@dataclass
class Visit:
    """A page of the site in a browser, what the browser complained about, and whom it asked."""

    page: Page
    url: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of these documents."""
    into = tmp_path_factory.mktemp("built") / "site"
    build.build(into)
    return into


@pytest.fixture
def visit(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """The first page, served by the API."""
    monkeypatch.setattr(rendering, "SITE_DIR", site)
    with contextlib.ExitStack() as opened:
        url = opened.enter_context(serving(make_services(tmp_path)))
        chromium = opened.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        opened.callback(browser.close)
        page = browser.new_page()
        page.set_default_timeout(HANG_SECONDS * 1000)
        expect.set_options(timeout=HANG_SECONDS * 1000)
        found = Visit(page, url)

        def note_message(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                found.said.append(message.text)

        def note_request(request: Request) -> None:
            found.asked.append(request.url)

        page.on("console", note_message)
        page.on("request", note_request)
        page.goto(f"{url}/help")
        yield found


def test_every_document_is_a_page(site: Path) -> None:
    """Also the decisions, and the documents at the top."""
    expected = {
        name.removesuffix(".md") for name in build.places().values() if name.endswith(".md")
    }
    made = {str(path.relative_to(site)).removesuffix(".html") for path in site.rglob("*.html")}
    assert expected | {"adr/index"} == made


def test_no_page_holds_a_script_or_names_another_host_for_one(site: Path) -> None:
    """Nor a style, nor a picture."""
    for path in site.rglob("*.html"):
        text = path.read_text()
        for mark in (
            "<script>",
            "<style",
            'style="',
            'src="http',
            '<link rel="stylesheet" href="http',
        ):
            assert (path, 0) == (path, text.count(mark)), mark


def test_it_is_read_and_searched_under_its_policy(visit: Visit) -> None:
    """A browser shows the first page, follows its links, and finds a word, without a complaint."""
    page = visit.page
    assert f"{visit.url}/help/" == page.url
    expect(page.get_by_role("heading", name="The two commands")).to_be_visible()
    widths = "Array.from(document.querySelectorAll('article img'), (each) => each.naturalWidth > 0)"
    assert [True, True] == page.evaluate(widths)
    page.get_by_role("link", name="Fix a line").first.click()
    expect(page.get_by_role("heading", name="Fix a line")).to_be_visible()
    page.wait_for_function("[...document.body.children].some((each) => each.shadowRoot)")
    page.locator(".md-search__button").click()
    page.get_by_role("combobox").fill("Idempotency-Key")
    expect(page.get_by_text("First answers are rows").last).to_be_visible()
    assert [] == visit.said
    assert {visit.url} == {
        "/".join(asked.split("/")[:3]) for asked in visit.asked if asked[:5] != "data:"
    }


def test_the_clips_play_from_there(visit: Visit) -> None:
    """Where README has its readers hear before and after."""
    visit.page.get_by_role("link", name="after", exact=True).click()
    film = visit.page.locator("video")
    expect(film).to_be_visible()
    told = "(film) => new Promise((tell) => { film.ondurationchange = () => tell(film.duration);"
    length = f"{told} if (film.readyState) tell(film.duration); }})"
    assert film.evaluate(length) == pytest.approx(14.5, abs=0.2)
