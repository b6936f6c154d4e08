"""The clips that README lets its readers hear: they are small, and one is the other dubbed."""

from __future__ import annotations

import pytest

from resources.media import ffmpeg
from resources.media.ffmpeg import Measured
from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "listen"
BEFORE, AFTER = FOLDER / "before.mp4", FOLDER / "after.mp4"
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {path.stem: ffmpeg.measure(path) for path in (BEFORE, AFTER)}


def test_they_are_all_there_is_and_small() -> None:
    """A checkout is not made large by them."""
    assert [AFTER, BEFORE] == sorted(FOLDER.iterdir())
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


def test_they_show_the_same_time(measured: dict[str, Measured]) -> None:
    """As long as each other, to a frame."""
    assert measured["before"].seconds == pytest.approx(measured["after"].seconds, abs=0.1)
    assert measured["before"].seconds == pytest.approx(14.5, abs=0.1)


def test_the_dub_is_as_loud_as_a_release(measured: dict[str, Measured]) -> None:
    """It was made by the platform, which makes tracks of -16 LUFS; it begins in one."""
    assert measured["after"].loudness.lufs == pytest.approx(-16, abs=1.5)
