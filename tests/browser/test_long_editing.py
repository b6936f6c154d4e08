"""The line editor over longer: two editors, thousands of lines, keys, and what a page must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.registry.api_keys import ApiKeys
from tests.browser.scripts import SAID, release_lines, texts_of
from tests.browser.test_line_editor import Desk, desk, opened, services
from tests.support.rig.services import YOUTUBE, Services, make_services, serving

__all__ = ["desk", "services"]
pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.long]
MANY = 3000
ROWS = "document.querySelectorAll('.line').length"
# What has no name for who cannot see it, and text that is hard to read on what is behind it.
NAMELESS = """() => [...document.querySelectorAll(
  "button, a[href], input, textarea, select, video, dialog[open], [role=toolbar], section, ol"
)].filter((each) => each.checkVisibility()).filter((each) => {
  const by = (each.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
  const named = [
    each.getAttribute("aria-label"), each.textContent, each.labels?.[0]?.textContent,
    ...by.map((id) => document.getElementById(id)?.textContent),
  ];
  return !named.some((name) => name?.trim());
}).map((each) => each.outerHTML.slice(0, 120))"""
FAINT = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const each of [under, colour].filter(Boolean)) {
      canvas.fillStyle = each;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgb(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const faint = [];
  for (const each of document.querySelectorAll("body *")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const left = each.closest(":disabled, noscript, script, .skip");
    if (!own || !each.checkVisibility() || left) continue;
    const under = behind(each);
    const [one, other] = [light(rgb(getComputedStyle(each).color, under)), light(rgb(under))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${each.outerHTML.slice(0, 100)}`);
  }
  return faint;
}"""


@pytest.fixture
def others(browser: Browser, services: Services) -> Iterator[tuple[Desk, Desk]]:
    """Two people who edit the same dub, each in a browser of their own."""
    with (
        serving(services) as url,
        opened(browser, url, services) as first,
        opened(browser, url, services) as second,
    ):
        # A refused write is an error to a browser's console, and none to the page.
        yield first, second
        for each in (first, second):
            each.said[:] = [line for line in each.said if "412" not in line]


def write(desk: Desk, number: int, text: str) -> None:
    """Type a text into a line, and leave it as a draft."""
    desk.line(number).locator(".dub p").click()
    desk.line(number).get_by_role("textbox").fill(text)
    desk.line(number).get_by_role("button", name="Keep as draft").click()


def test_two_editors_lose_nothing(others: tuple[Desk, Desk]) -> None:
    """Of different lines both are published; of the same line the second sees both, and chooses."""
    first, second = others
    first.open()
    second.open()
    write(first, 0, "Hola.")
    write(second, 1, "El agua.")
    first.button("Publish 1 line").click()
    first.status("1 line is published")
    second.button("Publish 1 line").click()
    second.status("1 line is published")
    assert ["Hola.", "El agua."] == texts_of(first.services)
    # The first has not seen the second's text.
    write(first, 1, "Está fría el agua.")
    first.button("Publish 1 line").click()
    dialog = first.page.get_by_role("dialog")
    expect(dialog).to_contain_text("El agua.")
    expect(dialog).to_contain_text("Está fría el agua.")
    assert 2 == len(texts_of(first.services))
    dialog.get_by_role("radio", name="What you wrote").check()
    dialog.get_by_role("button", name="Go on").click()
    first.status("1 line is published")
    write(second, 1, "Otra cosa.")
    second.line(1).get_by_role("button", name="Save").click()
    theirs = second.page.get_by_role("dialog")
    expect(theirs).to_contain_text("Está fría el agua.")
    theirs.get_by_role("button", name="Go on").click()
    expect(second.line(1).locator(".dub")).to_have_text("Está fría el agua.")
    assert ["Hola.", "El agua.", "Está fría el agua."] == texts_of(first.services)


def test_a_draft_outlives_the_page(desk: Desk) -> None:
    """It is there when the page is loaded anew, and what was undone is not."""
    desk.open()
    write(desk, 0, "Hola.")
    write(desk, 4, "Pescado.")
    desk.button("Undo").click()
    expect(desk.line(4).locator(".dub")).to_have_text(SAID[4][1])
    desk.open()
    expect(desk.line(0).locator(".dub")).to_have_text("Hola.")
    expect(desk.button("Publish 1 line")).to_be_enabled()
    desk.line(0).click()
    desk.line(0).get_by_role("button", name="Put back").click()
    expect(
        desk.button(
            "Publish",
        )
    ).to_be_disabled()
    assert [] == texts_of(desk.services)


def test_a_published_edit_is_put_back(desk: Desk) -> None:
    """By a draft that says what was translated, and by undoing."""
    desk.open()
    write(desk, 0, "Hola.")
    desk.line(0).get_by_role("button", name="Save").click()
    desk.status("Line 0 is saved")
    desk.line(0).get_by_role("button", name="Put back").click()
    desk.line(0).get_by_role("button", name="Save").click()
    expect(desk.line(0).locator(".badge.draft")).to_have_count(0)
    expect(desk.line(0).locator(".dub")).to_have_text(SAID[0][1])
    assert ["Hola.", None] == texts_of(desk.services)


def test_a_word_is_replaced_in_all_lines_and_back(desk: Desk) -> None:
    """As one step; what is searched for is no pattern, nor what replaces it."""
    desk.open()
    desk.page.keyboard.press("Control+h")
    desk.page.get_by_label("Find", exact=True).fill("EL ")
    expect(desk.page.locator("#found")).to_have_text("3 lines have it")
    desk.page.get_by_label("Match capitals").check()
    expect(desk.page.locator("#found")).to_have_text("No line has it.")
    desk.page.get_by_label("Find", exact=True).fill(".")
    expect(desk.page.locator("#found")).to_have_text("6 lines have it")
    desk.page.get_by_label("Replace with").fill("$&!")
    desk.button("Replace").click()
    expect(desk.line(5).locator(".dub")).to_have_text("Vuelva mañana$&!")
    expect(desk.button("Publish 6 lines")).to_be_enabled()
    desk.button("Undo").click()
    expect(desk.line(5).locator(".dub")).to_have_text("Vuelva mañana.")
    expect(desk.button("Publish")).to_be_disabled()


def test_what_was_said_is_corrected(desk: Desk) -> None:
    """The dub is from before that, and is asked for again with a button."""
    desk.open()
    desk.line(3).locator(".at").click()
    desk.button("Correct what was said").click()
    desk.line(3).get_by_role("textbox").fill("The children play until it is dark.")
    desk.button("Save what was said").click()
    desk.status("What was said in line 3 is corrected")
    said = desk.services.registry.edits(YOUTUBE, None)
    assert ["The children play until it is dark."] == [edit.text for edit in said]
    desk.button("Bring the dub up to date").click()
    expect(desk.page.locator("#progress")).to_contain_text("waits for its turn")
    assert 2 == desk.services.registry.dub(YOUTUBE, "es").generation


def test_three_thousand_lines_are_sixty_rows(browser: Browser, tmp_path: Path) -> None:
    """However far somebody scrolls, and the focus stays where it was put."""
    services = make_services(tmp_path)
    release_lines(services, count=MANY)
    with serving(services) as url, opened(browser, url, services) as desk:
        desk.open()
        expect(desk.page.locator("#summary")).to_contain_text("3,000 lines")
        rows = [desk.page.evaluate(ROWS)]
        for _ in range(20):
            desk.page.locator("#scroller").evaluate("(box) => { box.scrollTop += 9000; }")
            desk.page.wait_for_timeout(30)
            rows.append(desk.page.evaluate(ROWS))
        assert max(rows) <= 60
        desk.page.locator("body").press("End")
        assert str(MANY - 1) == desk.page.evaluate("document.activeElement.dataset.number")
        expect(desk.line(MANY - 1)).to_be_in_viewport()
        desk.page.keyboard.press("ArrowUp")
        assert str(MANY - 2) == desk.page.evaluate("document.activeElement.dataset.number")
        write(desk, MANY - 2, "La penúltima.")
        desk.page.keyboard.press("Home")
        expect(desk.line(0)).to_be_in_viewport()
        desk.button("Publish 1 line").click()
        desk.status("1 line is published")
    assert ["La penúltima."] == texts_of(services)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_can_be_read_and_heard_by_everybody(
    browser: Browser, services: Services, scheme: str, width: int
) -> None:
    """Everything has a name, and no text is fainter than 4.5 to 1."""
    seen = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    with serving(services) as url, opened(browser, url, services, **seen) as desk:
        desk.open()
        write(desk, 0, "Hola.")
        desk.line(2).locator(".dub p").click()
        for act in ("", "Keys", "Find and replace"):
            if act:
                desk.button(act).click()
            assert [] == desk.page.evaluate(NAMELESS)
            assert [] == desk.page.evaluate(FAINT)
            assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            if act:
                desk.button("Close").click()


def test_a_key_opens_the_editor_and_nothing_else_has_it(
    browser: Browser, services: Services, tmp_path: Path
) -> None:
    """It goes into headers alone: into no address, and out of the tab when it is forgotten."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    _, token = keys.make(tenant=DEFAULT_TENANT, scopes={Scope.READ, Scope.WRITE})
    _, strange = keys.make(tenant="acme", scopes={Scope.READ, Scope.WRITE})
    keyed = replace(services, keys=keys)
    with serving(keyed) as url, opened(browser, url, keyed) as desk:
        addresses: list[str] = []
        desk.page.on("request", lambda request: addresses.append(request.url))
        desk.page.goto(f"{url}/edit?v={YOUTUBE}&lang=es")
        desk.status("This platform asks for a key")
        desk.page.get_by_label("API key").fill(strange.text)
        desk.button("Use it").click()
        desk.status("There is no video")
        assert 0 == desk.page.evaluate(ROWS)
        desk.page.get_by_label("API key").fill(token.text)
        desk.button("Use it").click()
        write(desk, 0, "Hola.")
        desk.line(0).get_by_role("button", name="Save").click()
        desk.status("Line 0 is saved")
        desk.page.locator("body").press("p")
        desk.page.wait_for_function("() => window.heard.length === 1")
        assert not [each for each in addresses if token.text in each or strange.text in each]
        desk.button("Forget the key").click()
        desk.status("This platform asks for a key")
        assert "dub_" not in json.dumps(desk.page.evaluate("({...sessionStorage})"))
        desk.said[:] = [each for each in desk.said if "401" not in each and "404" not in each]
    assert ["Hola."] == texts_of(services)
