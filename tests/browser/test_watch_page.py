"""The pages in a real browser: what is heard and seen, with a mouse, a keyboard, or no script."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)

from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.records import DubStatus, NewVideo, Source, Work
from resources.media.probe import Prober
from resources.store.s3 import S3Store
from tests.support.measuring import RATE, locate
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.recipes.dub import ONSETS, make_dub, take
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    default_limits,
    make_clip,
    make_services,
    prepare,
    release,
    running,
    serving,
)
from tests.support.servers.swift import running_swift
from tests.support.servers.youtube_frame import youtube_player

pytestmark = pytest.mark.xdist_group("browser")  # one serves them all
SCREEN = ViewportSize(width=1280, height=720)
FORGOTTEN = "() => { if (origin !== 'null') { localStorage.clear(); sessionStorage.clear(); } }"
SECONDS = 12
IN_STEP = "Math.abs(film.currentTime - dub.currentTime) < 0.08"
STATE = """() => ({
  film: film.currentTime, dub: dub.currentTime, filmPaused: film.paused, dubPaused: dub.paused,
  filmMuted: film.muted, dubMuted: dub.muted, filmRate: film.playbackRate,
  dubTrack: dub.getAttribute("src"),
})"""

SRT = "1\n00:00:00,500 --> 00:00:01,500\nGood morning.\n"
# What a button does: whether it is believed then, and has captions, and what it speaks.
SETTLED = {
    "It was heard right: dub it": (True, False, "en"),
    "Use these captions": (False, True, "en"),
    "Listen again": (False, True, "es"),
}
DECODED = """async () => {
  const answer = await fetch(dub.src);
  const context = new OfflineAudioContext(2, 1, 48000);
  const sound = await context.decodeAudioData(await answer.arrayBuffer());
  const samples = new Blob([sound.getChannelData(0)]);
  return new Promise((tell) => {
    const reader = new FileReader();
    reader.onload = () => tell(reader.result.split(",")[1]);
    reader.readAsDataURL(samples);
  });
}"""


@dataclass(frozen=True)
class Site:
    """A page of a browser, the address of the server it looks at, and that server's services."""

    page: Page
    url: str
    services: Services
    said: list[str]

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def until(self, true: str) -> None:
        """Wait for a JavaScript expression; as a function, for the policy forbids eval."""
        self.page.wait_for_function(f"() => {true}")

    def watch(self, query: str = f"v={YOUTUBE}&lang=es") -> None:
        """Open the player and wait until it can play."""
        self.open(f"/watch?{query}")
        self.until("film.readyState >= 3 && (!dub.src || dub.readyState >= 3)")

    def menu(self, name: str) -> Locator:
        """Open the menu of this name, if it is not open."""
        menu = self.page.locator(f"#{name}")
        if menu.get_attribute("open") is None:
            menu.locator("summary").click()
        return menu

    def choose(self, code: str) -> None:
        """Choose the language of the sound, in its menu."""
        self.menu("languages").locator(f"[name=sound][value={code}]").check()

    def set(self, label: str, option: str) -> None:
        """Choose something of a list in the settings."""
        self.menu("settings").get_by_label(label).select_option(option)

    def sound(self, code: str) -> Locator:
        return self.page.locator(f"[name=sound][value={code}]")

    def state(self) -> dict[str, float | bool | str | None]:
        state: dict[str, float | bool | str | None] = self.page.evaluate(STATE)
        return state

    def play_until(self, seconds: float) -> None:
        self.page.get_by_role("button", name="Play", exact=True).click()
        self.until_at(seconds)

    def until_at(self, seconds: float) -> None:
        self.until(f"film.currentTime > {seconds}")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """One tab: a process of its own for each test would cost more than most of what they do."""
    page = browser.new_page(viewport=SCREEN)
    page.set_default_timeout(HANG_SECONDS * 1000)
    return page


@pytest.fixture
def site(page: Page, tmp_path: Path) -> Iterator[Site]:
    """New services behind the tab, with the limits that there are by default.

    Whatever the browser complains about fails the test.
    """
    services = make_services(tmp_path, probe=Prober(2 * SECONDS), limits=default_limits())
    with opened(page, services) as site:
        yield site
    assert [] == site.said


@contextlib.contextmanager
def opened(page: Page, services: Services) -> Iterator[Site]:
    """These services at an address of their own, and what the browser complains about there."""
    with serving(services) as url:
        site = Site(page, url, services, [])

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                site.said.append(message.text)

        def note_error(error: Error) -> None:
            site.said.append(str(error))

        page.set_viewport_size(SCREEN)
        page.emulate_media(color_scheme="light")
        page.on("console", note)
        page.on("pageerror", note_error)
        yield site
        page.remove_listener("console", note)
        page.remove_listener("pageerror", note_error)
        # Another server may get this one's port.
        page.evaluate(FORGOTTEN)
        page.goto("about:blank")


@pytest.fixture
def player(site: Site, media: Path) -> Site:
    """The site with a video that is released in Spanish and Catalan."""
    for language in ("es", "ca"):
        release(site.services, YOUTUBE, language, media=media)
    return site


def drift(site: Site) -> float:
    """How far the dub is from the film, in seconds: the median of a second."""
    distances: list[float] = site.page.evaluate(
        """async () => {
          const distances = [];
          for (let count = 0; count < 20; count += 1) {
            distances.push(Math.abs(film.currentTime - dub.currentTime));
            await new Promise((resume) => setTimeout(resume, 50));
          }
          return distances;
        }"""
    )
    return median(distances)


def test_a_browser_hears_takes_where_the_timeline_has_them(site: Site, tmp_path: Path) -> None:
    """To the sample, and from the very start: in the track's sound as the browser decodes it."""
    seconds = 5.0
    make_clip(tmp_path / "film.mp4", seconds=seconds)
    make_dub(tmp_path, seconds=seconds)
    release(site.services, YOUTUBE, "es", media=tmp_path)
    site.watch()
    samples = base64.b64decode(site.page.evaluate(DECODED))
    sound = np.frombuffer(samples, "<f4").astype(np.float64)
    assert pytest.approx(seconds, abs=0.020) == len(sound) / RATE
    for number, onset in enumerate(ONSETS[:3]):
        found = locate(take(number), sound, near=onset)
        assert round(onset * RATE) == round(found.start * RATE)
        assert found.likeness > 0.9


def test_a_dub_plays_in_step_with_the_muted_film(player: Site) -> None:
    """The film is seen, the dub is heard, and they are less than 80 ms apart."""
    player.watch()
    player.play_until(2)
    state = player.state()
    assert (False, False, True, False) == (
        state["filmPaused"],
        state["dubPaused"],
        state["filmMuted"],
        state["dubMuted"],
    )
    assert f"/media/releases/{YOUTUBE}/es/1/track.m4a" == state["dubTrack"]
    player.until(IN_STEP)
    # A machine that cannot draw the film in time plays by fits and starts, and catches up.
    while drift(player) >= 0.08:
        assert not player.page.evaluate("film.ended")
    assert not player.page.evaluate("film.ended")


def test_a_dub_that_is_pushed_away_comes_back(player: Site) -> None:
    """200 ms of drift are made good without a jump of the film."""
    player.watch()
    player.play_until(1)
    player.page.evaluate("dub.currentTime += 0.2")
    player.until(IN_STEP)
    assert not player.state()["filmPaused"]


def test_pause_seek_and_speed_go_for_both(player: Site) -> None:
    """Whatever happens to the film happens to the dub."""
    player.watch()
    player.play_until(0.5)
    player.set("Speed", "1.5")
    player.page.get_by_label("Position").fill("6")
    player.until_at(7)
    player.until(IN_STEP)
    assert 1.5 == player.state()["filmRate"]
    player.page.get_by_role("button", name="Pause").click()
    player.until(f"film.paused && dub.paused && {IN_STEP}")


def test_languages_are_switched_while_it_plays(player: Site) -> None:
    """From Spanish to Catalan to the film's own sound; the address follows."""
    player.watch()
    player.play_until(0.5)
    player.choose("ca")
    player.until(f"!dub.paused && {IN_STEP}")
    assert f"/media/releases/{YOUTUBE}/ca/1/track.m4a" == player.state()["dubTrack"]
    assert player.page.url.endswith("lang=ca")
    player.choose("en")
    player.until("dub.paused")
    state = player.state()
    assert (False, False, None) == (state["filmPaused"], state["filmMuted"], state["dubTrack"])


def test_captions_of_every_language_can_be_shown(player: Site) -> None:
    """Choosing one shows it and hides the others."""
    player.watch()
    for code in ("en", "es", "ca"):
        player.set("Captions", code)
        player.page.wait_for_function(
            "code => [...film.textTracks].filter((track) => track.mode === 'showing')"
            ".every((track) => track.language === code && track.cues?.length === 1)",
            arg=code,
        )
    showing = "() => [...film.textTracks].filter((track) => track.mode === 'showing').length"
    assert 1 == player.page.evaluate(showing)
    player.set("Captions", "")
    assert 0 == player.page.evaluate(showing)


def test_the_keyboard_plays_seeks_and_mutes(player: Site) -> None:
    """k, the arrows and m; and the mute is the dub's, for the film stays muted."""
    player.watch()
    player.page.keyboard.press("k")
    player.until_at(0.3)
    player.page.keyboard.press("ArrowRight")
    player.until_at(5)
    player.page.keyboard.press("m")
    state = player.state()
    assert (True, True) == (state["dubMuted"], state["filmMuted"])
    player.page.keyboard.press("m")
    state = player.state()
    assert (False, True) == (state["dubMuted"], state["filmMuted"])
    player.page.keyboard.press("k")
    player.until("film.paused && dub.paused")


def test_keys_work_whatever_was_clicked(player: Site) -> None:
    """A click on a button, a slider or a list takes them away from nobody; a field keeps them."""
    player.watch()
    page = player.page
    mute = page.get_by_role("button", name="Mute")
    mute.click()
    page.keyboard.press("m")
    expect(mute).to_have_attribute("aria-pressed", "false")
    page.locator("#seek").click()
    page.keyboard.press("5")
    player.until("Math.abs(film.currentTime - film.duration / 2) < 0.1")
    player.choose("ca")
    page.keyboard.press("ArrowRight")
    player.until("Math.abs(film.currentTime - film.duration / 2 - 5) < 0.1")
    player.set("Speed", "1.5")
    page.keyboard.press("Home")
    player.until("film.currentTime === 0")
    page.keyboard.press(">")
    page.keyboard.press("c")
    page.keyboard.press("n")
    assert 1.75 == player.state()["filmRate"]
    player.until("[...film.textTracks].find((track) => track.mode === 'showing').language === 'es'")
    expect(player.sound("es")).to_be_checked()
    page.get_by_label("Find in it").fill("kmf")
    player.until("film.paused && film.currentTime === 0 && !document.fullscreenElement")
    page.get_by_label("Find in it").blur()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("10 seconds back, on")
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert player.state()["filmPaused"]


def test_choices_and_the_place_are_remembered(player: Site) -> None:
    """By this browser; what the address says comes first, also where to begin."""
    player.watch()
    player.set("Speed", "1.5")
    player.set("Captions", "es")
    player.choose("ca")
    player.page.get_by_label("Volume").fill("0.4")
    player.page.get_by_label("Position").fill("20")
    player.play_until(20.5)
    player.watch(f"v={YOUTUBE}")
    assert (1.5, 0.4) == (player.state()["filmRate"], player.page.evaluate("dub.volume"))
    expect(player.sound("ca")).to_be_checked()
    # Captions are in the language that is heard.
    player.until("[...film.textTracks].find((track) => track.mode === 'showing').language === 'ca'")
    player.page.get_by_role("button", name="Go on at 0:2").click()
    player.until("film.currentTime > 20 && !film.paused && !dub.paused")
    player.watch(f"v={YOUTUBE}&lang=es&t=0m12s")
    expect(player.sound("es")).to_be_checked()
    player.until("film.currentTime === 12")
    assert 0 == player.page.get_by_role("button", name="Go on at").count()
    player.page.keyboard.press("s")
    link = player.page.get_by_label("Link")
    player.page.get_by_label("From 0:12 on").check()
    expect(link).to_have_value(f"http://dub.test/watch?v={YOUTUBE}&lang=es&t=12")


def test_the_transcript_leads_to_what_is_said(player: Site) -> None:
    """A line is lit while it is said, and a click on one goes there."""
    said = "".join(
        f"00:00:{start:02}.000 --> 00:00:{start + 5:02}.000\n{line}\n\n"
        for start, line in ((0, "Bon dia."), (20, "L'aigua és freda."))
    )
    vtt = f"WEBVTT\n\n{said}".encode()
    player.services.store.put_bytes(f"releases/{YOUTUBE}/ca/1/ca.vtt", vtt)
    player.watch(f"v={YOUTUBE}&lang=ca")
    lines = player.page.locator("#said-lines button")
    expect(lines).to_have_text(["0:00 Bon dia.", "0:20 L'aigua és freda."])
    lines.last.click()
    player.until("film.currentTime === 20")
    expect(lines.last).to_have_attribute("aria-current", "true")
    player.page.get_by_label("Find in it").fill("DIA")
    expect(lines.last).to_be_hidden()
    expect(lines.first).to_be_visible()
    player.page.locator("#open-transcript").click()
    expect(lines.first).to_be_hidden()


# What a page has played of a sound, and the stand-in of its film, by the same clock.
SOUND_AT = "() => [document.getElementById('dub').currentTime, Date.now() / 1000]"
FILM_AT = "() => [now(), Date.now() / 1000]"


def test_a_film_that_only_youtube_has_plays_in_step_with_our_sound(
    page: Page, media: Path, tmp_path: Path
) -> None:
    """In YouTube's own player, which is asked for nothing before somebody wants it."""
    with running(youtube_player) as origin:
        services = make_services(tmp_path, youtube_player=origin)
        made = release(services, YOUTUBE, "es", media=media)
        services.registry.hold(YOUTUBE, "es", "again", now=datetime.now(timezone.utc))
        services.registry.release(YOUTUBE, "es", made, film_key=None, beside={}, run_id="again")
        with opened(page, services) as site:
            watch_on_youtube(site, origin)
            assert [] == site.said


def watch_on_youtube(site: Site, origin: str) -> None:
    page = site.page
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    site.open(f"/watch?v={YOUTUBE}&lang=es")
    offer = page.get_by_role("button", name="Show the pictures from YouTube")
    expect(offer).to_be_visible()
    assert not any(url.startswith(origin) for url in asked)
    offer.click()
    page.get_by_role("button", name="Play", exact=True).click()
    [frame] = [each for each in page.frames if each.url.startswith(origin)]
    assert f"/embed/{YOUTUBE}?" in frame.url

    def is_in_step() -> bool:
        (film, film_at), (dub, dub_at) = frame.evaluate(FILM_AT), page.evaluate(SOUND_AT)
        runs = frame.evaluate("known.state === 1") and not page.evaluate("dub.paused")
        return bool(runs and film > 0.5 and abs((film - film_at) - (dub - dub_at)) < 0.1)

    wait_until(is_in_step)
    assert frame.evaluate("known.muted")
    page.get_by_label("Position").fill("30")
    wait_until(lambda: page.evaluate("dub.currentTime") > 30 and is_in_step())
    # Somebody uses YouTube's own controls.
    frame.evaluate("set({ state: 2 })")
    site.until("dub.paused")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    site.choose("en")
    page.keyboard.press("k")
    frame.wait_for_function("() => known.state === 1 && !known.muted")
    assert page.evaluate("dub.paused")


def test_every_control_has_a_name_and_can_be_reached(player: Site) -> None:
    """Tab visits each of them, and each says what it is."""
    player.watch()
    names = player.page.locator("#bar button, #bar input, #bar select, #bar summary")
    nameless = names.evaluate_all(
        "controls => controls.filter((one) => one.tabIndex < 0 || !(one.ariaLabel ||"
        " one.labels?.length || one.textContent.trim())).map((one) => one.id)"
    )
    assert [] == nameless
    assert 16 == names.count()


def test_the_page_fits_a_phone(player: Site) -> None:
    """Nothing is wider than a small screen."""
    player.page.set_viewport_size({"width": 320, "height": 640})
    player.watch()
    assert player.page.evaluate("document.documentElement.scrollWidth <= 320")


def test_dark_mode_is_dark(player: Site) -> None:
    """The ground is darker than the text when the system asks for it."""
    player.page.emulate_media(color_scheme="dark")
    player.watch()
    ground, text = player.page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.body).color]"
    )
    assert ("rgb(20, 19, 22)", "rgb(238, 236, 240)") == (ground, text)


def test_a_dub_appears_when_it_is_released(site: Site, media: Path) -> None:
    """Who waits on the page gets the player without doing anything."""
    site.services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE, title="A harbor"), ["es"])
    with site.page.expect_request(f"**/videos/{YOUTUBE}/events"):
        site.open(f"/watch?v={YOUTUBE}&lang=es")
    expect(site.page.get_by_text("Spanish is on its way:")).to_be_visible()
    expect(site.page.locator(".steps .next")).to_have_count(7)
    prepare(site.services, YOUTUBE)
    expect(site.page.locator(".steps .done")).to_have_count(3)
    release(site.services, YOUTUBE, "es", media=media)
    expect(site.page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(site.page.get_by_text("Spanish is on its way:")).not_to_be_visible()


def test_a_dub_that_is_released_interrupts_nobody(player: Site, media: Path) -> None:
    """Who watches another language meanwhile gets a link and keeps watching."""
    player.services.registry.ask(YOUTUBE, "gl")
    player.watch(f"v={YOUTUBE}&lang=gl")
    player.choose("ca")
    player.play_until(0.5)
    release(player.services, YOUTUBE, "gl", media=media)
    link = player.page.get_by_role("link", name="See how it came out")
    expect(link).to_be_visible()
    assert not player.state()["filmPaused"]
    link.click()
    expect(player.sound("gl")).to_be_checked()


def test_without_a_script_there_are_controls_and_links(browser: Browser, player: Site) -> None:
    """The browser's own controls play the film; the rest is downloads."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{player.url}/watch?v={YOUTUBE}&lang=es")
    assert page.locator("#film").get_attribute("controls") is not None
    expect(page.locator("#bar")).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("link", name="M4A").first.click()
    assert download.value.path().stat().st_size > 10_000
    context.close()


def test_a_file_is_handed_in_and_its_player_opens(site: Site, tmp_path: Path) -> None:
    """From the start page's form to the page that waits for the dub."""
    film = make_clip(tmp_path / "film.mp4", seconds=SECONDS)
    site.open("/")
    site.page.get_by_label("Video", exact=True).set_input_files(film)
    site.page.get_by_role("checkbox", name="español").check()
    site.page.get_by_role("button", name="Dub it").click()
    site.page.wait_for_url("**/watch?v=up-*")
    [video] = site.services.registry.videos().videos
    assert {"ca", "es"} == {dub.language for dub in site.services.registry.dubs(video.id)}
    expect(site.page.get_by_role("heading", name="film")).to_be_visible()


def test_a_file_that_cannot_be_taken_is_told_on_the_page(site: Site, tmp_path: Path) -> None:
    """The API's sentence stands below the form, which can be sent again."""
    (tmp_path / "notes.mp4").write_text("not a video")
    site.open("/")
    site.page.get_by_label("Video", exact=True).set_input_files(tmp_path / "notes.mp4")
    site.page.get_by_role("button", name="Dub it").click()
    expect(site.page.get_by_role("status")).to_contain_text("This file is not a video")
    expect(site.page.get_by_role("button", name="Dub it")).to_be_enabled()
    # A refused request is an error to the browser's console, and here the right answer.
    assert 1 == len(site.said)
    site.said.clear()


def test_a_dub_that_does_not_load_leaves_the_original_to_be_heard(player: Site) -> None:
    """And says so; it is tried again, and the sentence goes when it loads, or another does."""
    track = f"releases/{YOUTUBE}/es/1/track.m4a"
    sound = player.services.store.get_bytes(track)
    player.services.store.delete(track)
    player.open(f"/watch?v={YOUTUBE}&lang=es")
    said = player.page.locator("#said")
    expect(said).to_contain_text("español cannot be loaded just now")
    expect(said).to_contain_text("the original's sound")
    player.play_until(0.3)
    assert not player.state()["filmMuted"]
    player.choose("ca")
    expect(said).to_be_empty()
    player.until("film.muted && !dub.paused")
    player.choose("es")
    expect(said).to_contain_text("español")
    player.services.store.put_bytes(track, sound)
    expect(said).to_be_empty()
    player.until("film.muted && dub.readyState >= 3")
    assert all("404" in line for line in player.said)
    player.said.clear()


def test_a_film_that_does_not_load_is_said_and_tried_again(player: Site) -> None:
    """Nobody presses Play and wonders."""
    film = f"releases/{YOUTUBE}/film/1.mp4"
    pictures = player.services.store.get_bytes(film)
    player.services.store.delete(film)
    player.open(f"/watch?v={YOUTUBE}&lang=es")
    said = player.page.locator("#said")
    expect(said).to_contain_text("The film cannot be loaded just now")
    player.services.store.put_bytes(film, pictures)
    expect(said).to_be_empty()
    player.play_until(0.3)
    player.said.clear()


def test_what_did_not_work_out_is_asked_for_again_by_a_button(site: Site) -> None:
    """The page then waits for it."""
    site.services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    details = {"code": "source_unreachable", "message": "Set DUB_YOUTUBE_PROXY.", "retryable": True}
    site.services.registry.fail(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))
    site.open(f"/watch?v={YOUTUBE}&lang=es")
    site.page.get_by_role("button", name="Try again").click()
    expect(site.page.get_by_text("Spanish is on its way:")).to_be_visible()
    assert DubStatus.QUEUED is site.services.registry.dub(YOUTUBE, "es").status


@dataclass(frozen=True)
class Guarded:
    """A site that asks for keys, one that it takes, and every request of its page."""

    site: Site
    token: str
    asked: list[Request]

    def type_key(self, token: str = "") -> None:
        self.site.page.get_by_label("API key with the scope write").fill(token or self.token)

    def require_kept(self) -> None:
        """The key is in the header of requests to the API alone, and nowhere that stays."""
        assert any(self.token in each.headers.get("authorization", "") for each in self.asked)
        for each in self.asked:
            assert self.token not in each.url
            assert self.token not in (each.post_data or "")
            is_ours = each.url.startswith(f"{self.site.url}/videos/")
            assert is_ours or "authorization" not in each.headers
        page = self.site.page
        assert [] == page.context.cookies()
        assert "{}" == page.evaluate("() => JSON.stringify(localStorage)")


@pytest.fixture
def guarded(page: Page, tmp_path: Path) -> Iterator[Guarded]:
    """With a page that is open at no address yet."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    with opened(page, make_services(tmp_path, keys=keys)) as site:
        _, token = keys.make(tenant=DEFAULT_TENANT, scopes={Scope.READ, Scope.WRITE})
        asked: list[Request] = []

        def note(request: Request) -> None:
            asked.append(request)

        page.on("request", note)
        yield Guarded(site, token.text, asked)
        page.remove_listener("request", note)


def test_whoever_has_a_key_asks_again_by_a_button(guarded: Guarded) -> None:
    """Without one, and with a wrong one, the page says what is missing."""
    site = guarded.site
    site.services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    details = {"code": "source_unreachable", "message": "It is away.", "retryable": True}
    site.services.registry.fail(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))
    site.open(f"/watch?v={YOUTUBE}&lang=es")
    again = site.page.get_by_role("button", name="Try again")
    again.click()
    expect(site.page.get_by_text("This needs an API key with the scope `write`")).to_be_visible()
    assert "key" == site.page.evaluate("() => document.activeElement.id")
    guarded.type_key("dub_0123456789ab_wrong")
    again.click()
    expect(site.page.get_by_text("This key opens nothing")).to_be_visible()
    assert DubStatus.FAILED is site.services.registry.dub(YOUTUBE, "es").status
    guarded.type_key()
    again.click()
    expect(site.page.get_by_text("Spanish is on its way:")).to_be_visible()
    assert DubStatus.QUEUED is site.services.registry.dub(YOUTUBE, "es").status
    guarded.require_kept()


def test_a_key_is_held_for_a_tab_and_forgotten_there(guarded: Guarded, media: Path) -> None:
    """With it a stale dub says so, and what it costs; another tab has no key."""
    site, services = guarded.site, guarded.site.services
    release(services, YOUTUBE, "es", media=media)
    services.registry.caption(YOUTUBE, f"videos/{YOUTUBE}/captions.srt")
    site.open(f"/watch?v={YOUTUBE}&lang=es")
    site.page.get_by_text("For whoever has an API key").click()
    guarded.type_key()
    site.page.get_by_role("button", name="Look whether it is up to date").click()
    renew = site.page.get_by_role("button", name="Bring it up to date for about $0.00")
    expect(renew).to_be_visible()
    with site.page.expect_popup() as opening:
        site.page.evaluate("() => void window.open(location.href, '_blank', 'noopener')")
    other = opening.value
    expect(other.get_by_text("For whoever has an API key")).to_be_visible()
    assert 0 == other.evaluate("() => sessionStorage.length")
    other.close()
    # The tab has it after another page, too.
    site.open("/")
    site.open(f"/watch?v={YOUTUBE}&lang=es")
    # Its page is loaded anew when the dub is asked for.
    with site.page.expect_navigation():
        renew.click()
    expect(site.page.get_by_text("there is nothing to bring up to date")).to_have_count(0)
    wait_until(lambda: DubStatus.QUEUED is services.registry.dub(YOUTUBE, "es").status)
    guarded.require_kept()
    site.page.get_by_role("button", name="Forget the key").click()
    site.page.reload()
    expect(site.page.get_by_role("button", name="Look whether it is up to date")).to_be_hidden()
    assert site.page.evaluate("() => sessionStorage.length") == 0
    assert [] == site.said


def test_what_was_misheard_is_settled_with_a_key(guarded: Guarded) -> None:
    """By the same form."""
    site = guarded.site
    site.services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    details = {"code": "media_misheard", "message": "We may have misheard this video (34%)."}
    site.services.registry.fail(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))
    site.open(f"/watch?v={YOUTUBE}&lang=es")
    guarded.type_key()
    site.page.get_by_role("button", name="It was heard right: dub it").click()
    site.page.wait_for_function("() => !document.getElementById('settle')")
    assert site.services.registry.video(YOUTUBE).believed
    guarded.require_kept()
    assert [] == site.said


def test_what_was_misheard_is_settled_on_its_page(page: Page, tmp_path: Path) -> None:
    """By saying that it was heard right, by captions, or by what is spoken."""
    from_es = {"en": ("ca", "es"), "es": ("ca", "en")}
    services = make_services(tmp_path, targets=lambda spoken: from_es.get(spoken, ()))
    with opened(page, services) as site:
        settle(site)
        assert [] == site.said


def settle(site: Site) -> None:
    """Have it held, and settle that on its page, in each way."""
    site.services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["ca"])
    details = {"code": "media_misheard", "message": "We may have misheard this video (34%)."}
    for number, does in enumerate(SETTLED, 1):
        work = Work(YOUTUBE, None, number)
        site.services.registry.fail(work, details, now=datetime.now(timezone.utc))
        site.open(f"/watch?v={YOUTUBE}&lang=ca")
        expect(site.page.get_by_text("We may have misheard this video (34%).")).to_be_visible()
        if does == "Use these captions":
            words = {"name": "a.srt", "mimeType": "text/plain", "buffer": SRT.encode()}
            site.page.get_by_label("or captions of it").set_input_files(words)  # type: ignore[arg-type]
        if does == "Listen again":
            site.page.get_by_label("Spoken is").select_option("es")
        site.page.get_by_role("button", name=does).click()
        site.page.wait_for_function("() => !document.getElementById('settle')")
        video = site.services.registry.video(YOUTUBE)
        has_captions = video.captions_key is not None
        assert SETTLED[does] == (video.believed, has_captions, video.language)


def test_what_is_spoken_is_chosen_on_the_start_page(site: Site, tmp_path: Path) -> None:
    """And what can be made of it is offered then."""
    film = make_clip(tmp_path / "film.mp4", seconds=SECONDS)
    site.open("/")
    spoken = site.page.get_by_label("Spoken in it is")
    expect(spoken).to_have_value("en")
    spoken.select_option("auto")
    expect(site.page.get_by_role("checkbox", name="English")).to_be_visible()
    site.page.get_by_label("Video", exact=True).set_input_files(film)
    site.page.get_by_role("checkbox", name="español").check()
    site.page.get_by_role("button", name="Dub it").click()
    site.page.wait_for_url("**/watch?v=up-*")
    [video] = site.services.registry.videos().videos
    assert "auto" == video.language


def test_a_hostile_title_runs_nowhere(site: Site) -> None:
    """Neither in the list nor on the player's page."""
    title = "<img src=x onerror=\"document.title='owned'\">"
    site.services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE, title=title), ["es"])
    for path in ("/", f"/watch?v={YOUTUBE}"):
        site.open(path)
        expect(site.page.get_by_text(title)).to_be_visible()
        assert "owned" != site.page.title()


def test_a_bucket_with_a_cors_rule_shows_film_and_captions(
    page: Page, media: Path, tmp_path: Path
) -> None:
    """As a bucket of another origin that lets pages read it."""
    with watched(page, media, tmp_path, running_swift().open_to_pages()) as player:
        player.watch()
        player.set("Captions", "es")
        player.until("[...film.textTracks].some((track) => track.cues?.length === 1)")
        assert [] == player.said


def test_the_contract_can_be_read_and_opened(site: Site) -> None:
    """Each address is there once, folded up, and the page's policy stops nothing of it."""
    site.open("/docs")
    first = site.page.locator("details").first
    first.locator("summary").click()
    assert first.locator("table").first.is_visible()
    assert site.page.locator("details").count() == site.page.locator("summary").count() > 20
    assert [] == site.said


def test_a_bucket_that_nobody_can_read_serves_the_page_too(
    page: Page, media: Path, tmp_path: Path
) -> None:
    """By addresses that it lends, which the page's policy lets it follow."""
    releases, _ = running_swift().new_buckets()
    with watched(page, media, tmp_path, releases, is_public=False) as player:
        player.open(f"/watch?v={YOUTUBE}&lang=es")
        player.until("film.readyState >= 3 && dub.readyState >= 3")
        player.set("Captions", "es")
        player.until("[...film.textTracks].some((track) => track.cues?.length === 1)")
        assert [] == player.said


def test_a_bucket_without_a_cors_rule_lets_a_dub_be_heard_and_no_more(
    page: Page, media: Path, tmp_path: Path
) -> None:
    """Captions of another origin ask for the rule, and so does the film that they belong to."""
    with watched(page, media, tmp_path, running_swift().new_buckets()[1]) as player:
        player.open(f"/watch?v={YOUTUBE}&lang=es")
        player.until("film.error && dub.readyState >= 3")


@contextlib.contextmanager
def watched(
    page: Page, media: Path, folder: Path, bucket: str, *, is_public: bool = True
) -> Iterator[Site]:
    """The tab, and a video that is released into this bucket."""
    swift = running_swift()
    place = {"bucket": bucket, "public_bucket": bucket, "public_url": swift.public_url(bucket)}
    store = S3Store(swift.client, **place, is_public=is_public)  # type: ignore[arg-type]
    services = make_services(folder, probe=Prober(2 * SECONDS), store=store)
    release(services, YOUTUBE, "es", media=media)
    with opened(page, services) as site:
        yield site
