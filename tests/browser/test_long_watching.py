"""The watch page over longer: five minutes in step, whatever is done, and each of its states as axe
sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from dub_platform.registry.records import NewVideo, Source, Work
from tests.browser.scripts import release_lines
from tests.browser.test_watch_page import opened, page
from tests.browser.watching import WATCHING, Measured, acts
from tests.support.axe import problems
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    make_clip,
    make_services,
    make_track,
    release,
    serving,
)

__all__ = ["page"]
pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.long]
SECONDS = 300
OTHER = "9bZkp7q19f0"
WATCH, EDIT = f"/watch?v={YOUTUBE}&lang=es", f"/edit?v={YOUTUBE}&lang=es"
WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_sound_and_pictures_stay_in_step_for_five_minutes(page: Page, tmp_path: Path) -> None:
    """With 30 seeks, ten switches and eight rates. What a machine has stumbled over is mended; the
    rest of the time both are less than 60 ms apart, and 40 ms nearly always."""
    make_clip(tmp_path / "film.mp4", seconds=SECONDS + 30)
    make_track(tmp_path / "track.m4a", seconds=SECONDS + 30)
    services = make_services(tmp_path)
    for language in ("es", "ca"):
        release(services, YOUTUBE, language, media=tmp_path)
    with opened(page, services) as site:
        site.watch()
        measured = Measured.of(site.page.evaluate(WATCHING, acts(SECONDS)))
        assert [] == site.said
    assert measured.even > 0.02, measured
    assert measured.even_p95 <= 40, measured
    assert measured.even_most <= 60, measured
    assert measured.p50 <= 40, measured
    assert measured.silent < 0.1, measured


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory, media: Path) -> Iterator[tuple[Services, str]]:
    """A dub that is watched and edited, one that is being made, and a video that failed."""
    services = make_services(tmp_path_factory.mktemp("states"))
    release_lines(services, media)
    services.registry.ask(YOUTUBE, "ca")
    services.registry.accept(NewVideo(OTHER, Source.YOUTUBE), ["es"])
    details = {"code": "source_unreachable", "message": "It could not be reached."}
    services.registry.fail(Work(OTHER, None, 1), details, now=datetime.now(timezone.utc))
    with serving(services) as url:
        yield services, url


def open_menu(name: str) -> Any:
    return lambda page: page.locator(f"#{name} summary").click()


def press(key: str) -> Any:
    return lambda page: page.locator("body").press(key)


def leave(_: Page) -> None:
    """Do nothing: the page as it is opened."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(
    browser: Browser, states: tuple[Services, str], screen: dict[str, Any], scheme: str
) -> None:
    """On the watch page in each of its states, on its frame, and on the line editor."""
    _, url = states
    found = {}
    for path, act in (
        (WATCH, leave),
        (WATCH, open_menu("languages")),
        (WATCH, open_menu("settings")),
        (WATCH, press("s")),
        (WATCH, press("?")),
        (f"/watch?v={YOUTUBE}&lang=ca&hl=es", leave),
        (f"/watch?v={YOUTUBE}&lang=fr", leave),
        (f"/watch?v={OTHER}&lang=es", leave),
        (f"/embed?v={YOUTUBE}&lang=es", leave),
        (EDIT, leave),
        (EDIT, press("n")),
    ):
        options = {**screen, "color_scheme": scheme, "bypass_csp": True}
        with contextlib.closing(browser.new_context(**options)) as context:
            tab = context.new_page()
            tab.set_default_timeout(HANG_SECONDS * 1000)
            tab.goto(url + path)
            tab.locator(".line, #bar:not([hidden]), #waiting").first.wait_for()
            act(tab)
            wide = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1], path
            found[path, act.__name__] = problems(tab)
    assert {} == {where: each for where, each in found.items() if each}
