"""Shots: cuts are found where an encoder marked them, and nothing is taken for one that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg
import pytest

from resources.media.shots import shot_cuts
from tests.support.recipes.media import make_sound, run, tone

SHOTS = ("testsrc2", "mandelbrot", "smptebars", "testsrc2")
# Each as long as its place says: cuts at 3.2, 5 and 11.4 s.
LENGTHS = (3.2, 1.8, 6.4, 4.0)
CUTS = (3.2, 5.0, 11.4)
AS_MOST_ARE = {"c:v": "libx264", "preset": "veryfast", "g": 100}


def make_film(path: Path, **options: Any) -> Path:
    """Four shots, one after the other, 320 x 180 at 25 pictures a second."""
    shots = [
        ffmpeg.input(f"{name}=size=320x180:rate=25", format="lavfi", t=seconds)
        for name, seconds in zip(SHOTS, LENGTHS, strict=True)
    ]
    run(ffmpeg.concat(*shots).output(str(path), pix_fmt="yuv420p", **{**AS_MOST_ARE, **options}))
    return path


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_cuts_are_found_to_a_picture(tmp_path: Path, name: str) -> None:
    """In any container, from the video's start."""
    found = shot_cuts(make_film(tmp_path / name))
    assert pytest.approx(CUTS, abs=0.041) == found


def test_a_new_group_in_the_middle_of_a_shot_is_no_cut(tmp_path: Path) -> None:
    """Of groups of a second, most begin where nothing changes."""
    found = shot_cuts(make_film(tmp_path / "film.mp4", g=25))
    assert pytest.approx(CUTS, abs=0.041) == found


def test_groups_of_one_length_show_no_cuts(tmp_path: Path) -> None:
    """An encoder that was told not to look for cuts puts no key frame on one."""
    assert () == shot_cuts(make_film(tmp_path / "film.mp4", g=25, sc_threshold=0))


def test_a_sound_has_no_shots(tmp_path: Path) -> None:
    """What has no pictures is no failure."""
    assert () == shot_cuts(make_sound(tmp_path / "sound.m4a", tone(440, 1.0)))


def test_pictures_that_cannot_be_decoded_show_none(tmp_path: Path) -> None:
    """The dub is made of the sound."""
    (tmp_path / "film.mp4").write_bytes(b"no film at all")
    assert () == shot_cuts(tmp_path / "film.mp4")
