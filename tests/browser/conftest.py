from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import make_clip, make_track

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Time enough for what a test does while it plays, on a slow machine too.
LONG_SECONDS = 45


@pytest.fixture(scope="package")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film and a dub's track of the same length."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "film.mp4", seconds=LONG_SECONDS)
    make_track(folder / "track.m4a", seconds=LONG_SECONDS)
    return folder


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=HANG_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=ARGUMENTS
        )
        yield browser
        browser.close()
