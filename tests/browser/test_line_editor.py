"""The line editor in a real browser: edited, heard and published by mouse, keys and touch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browser.scripts import SAID, release_lines, texts_of
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    a_release,
    default_limits,
    make_services,
    serving,
)

pytestmark = pytest.mark.xdist_group("browser")
PHONE: Mapping[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
# What a tab has played: the seconds of each sound that was begun.
EAR = """() => {
  window.heard = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...given) {
    window.heard.push(this.buffer.duration);
    return start.apply(this, given);
  };
}"""
EDITED = "Mi padre era pescador."


class Desk:
    """A tab with the editor, and the services of the server it looks at."""

    def __init__(self, page: Page, url: str, services: Services) -> None:
        self.page, self.url, self.services = page, url, services
        self.said: list[str] = []
        page.set_default_timeout(HANG_SECONDS * 1000)
        page.add_init_script(f"({EAR})()")

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.said.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, query: str = "") -> None:
        """Open the editor, and wait for its lines."""
        self.page.goto(f"{self.url}/edit?v={YOUTUBE}&lang=es{query}")
        self.page.locator(".line").first.wait_for()

    def line(self, number: int) -> Any:
        return self.page.locator(f".line[data-number='{number}']")

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def status(self, told: str) -> None:
        expect(self.page.locator("#said")).to_contain_text(told)


@contextlib.contextmanager
def opened(browser: Browser, url: str, services: Services, **options: Any) -> Iterator[Desk]:
    """A new tab of somebody's own; what the browser complains about fails the test."""
    with contextlib.closing(browser.new_context(**options)) as context:
        desk = Desk(context.new_page(), url, services)
        yield desk
        assert [] == desk.said


@pytest.fixture
def services(tmp_path: Path, media: Path) -> Services:
    """A dub of six lines, with the limits that there are by default."""
    made = make_services(tmp_path, limits=default_limits())
    release_lines(made, media)
    return made


@pytest.fixture
def desk(browser: Browser, services: Services) -> Iterator[Desk]:
    with serving(services) as url, opened(browser, url, services) as desk:
        yield desk


def release_again(services: Services) -> None:
    """As the run does that the platform would have started: its dub is spoken, and released."""
    registry = services.registry
    work = registry.claim_dubs(limit=10, now=datetime.now(timezone.utc))[0]
    registry.begin_work(work, "run 2")
    made = a_release(YOUTUBE, "es")
    registry.release(YOUTUBE, "es", made, film_key="", beside={}, run_id="run 2")


def test_a_line_is_edited_heard_and_saved_by_mouse(desk: Desk) -> None:
    """The page says how it fits while it is typed; the new release is followed to the end."""
    desk.open()
    desk.line(2).locator(".dub p").click()
    desk.page.keyboard.press("Control+A")
    desk.page.keyboard.type(f"{EDITED} {'Y del mar. ' * 3}")
    expect(desk.line(2).locator(".fit")).to_contain_text("too many")
    desk.page.keyboard.press("Control+A")
    desk.page.keyboard.type(EDITED)
    expect(desk.line(2).locator(".fit")).to_contain_text("characters left")
    desk.line(2).get_by_role("button", name="Hear").click()
    desk.page.wait_for_function("() => window.heard.length === 1")
    assert 0.5 < desk.page.evaluate("window.heard[0]") < 4.0
    desk.status("it fits")
    assert [] == texts_of(desk.services)
    desk.line(2).get_by_role("button", name="Save").click()
    desk.status("Line 2 is saved")
    assert [EDITED] == texts_of(desk.services)
    expect(desk.page.locator("#progress")).to_contain_text("waits for its turn")
    release_again(desk.services)
    watch = desk.page.locator("#progress").get_by_role("link", name="Watch it")
    assert f"v={YOUTUBE}&lang=es" in (watch.get_attribute("href") or "")


def test_a_line_is_edited_heard_and_published_by_keys_alone(desk: Desk) -> None:
    """From the first Tab to the release: no mouse, and the focus is never lost."""
    desk.open()
    page = desk.page
    page.locator("body").press("n")
    assert "2" == page.evaluate("document.activeElement.dataset.number")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type(EDITED)
    page.keyboard.press("Alt+Enter")
    page.wait_for_function("() => window.heard.length === 1")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.type(" Siempre.")
    page.keyboard.press("Escape")
    assert "3" == page.evaluate("document.activeElement.dataset.number")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("p")
    page.wait_for_function("() => window.heard.length === 2")
    assert 1.0 == pytest.approx(page.evaluate("window.heard[1]"), abs=0.1)
    page.keyboard.press("Enter")
    page.keyboard.type(" Fresco.")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Escape")
    expect(desk.button("Publish 2 lines")).to_be_enabled()
    page.keyboard.press("Control+s")
    desk.status("2 lines are published")
    assert [EDITED, f"{SAID[4][1]} Fresco."] == texts_of(desk.services)
    assert 2 == desk.services.registry.dub(YOUTUBE, "es").generation


def test_a_line_is_fixed_on_a_phone(browser: Browser, services: Services) -> None:
    """By touch, in Spanish, without scrolling sideways."""
    with (
        serving(services) as url,
        opened(browser, url, services, **PHONE, locale="es-ES") as desk,
    ):
        desk.open()
        desk.line(1).locator(".dub p").tap()
        desk.line(1).get_by_role("textbox").fill("El agua está fría.")
        wide = desk.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1] == 390
        desk.line(1).get_by_role("button", name="Guardar").tap()
        desk.status("La línea 1 está guardada")
    assert ["El agua está fría."] == texts_of(services)
