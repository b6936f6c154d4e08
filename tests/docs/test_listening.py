"""The clips that README lets its readers hear: they are small, and two are the first dubbed."""

from __future__ import annotations

import pytest

from resources.media import ffmpeg
from resources.media.ffmpeg import Measured
from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "listen"
BEFORE = FOLDER / "before.mp4"
DUBS = (FOLDER / "after-neural.mp4", FOLDER / "after.mp4")
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {path.stem: ffmpeg.measure(path) for path in (BEFORE, *DUBS)}


def test_they_are_all_there_is_and_small() -> None:
    """A checkout is not made large by them."""
    assert [*DUBS, BEFORE] == sorted(FOLDER.iterdir())
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


def test_they_show_the_same_time(measured: dict[str, Measured]) -> None:
    """As long as each other, to a frame."""
    for name, clip in measured.items():
        assert clip.seconds == pytest.approx(14.5, abs=0.1), name


def test_the_dub_is_as_loud_as_a_release(measured: dict[str, Measured]) -> None:
    """It was made by the platform, which makes tracks of -16 LUFS; it begins in one."""
    for path in DUBS:
        assert measured[path.stem].loudness.lufs == pytest.approx(-16, abs=1.5), path.stem
