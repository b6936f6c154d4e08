"""The evaluation of releases: a clip made and dubbed, and what is at a public address."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.evaluate import Row, as_json, of_address, of_recipe
from resources.listening.pauses import find_speech
from tests.support.recipes.clips import BREATHS, Recipe
from tests.support.recipes.media import make_sound, tone
from tests.support.recipes.speech import HARBOR, WATER


@pytest.fixture(scope="module")
def dubbed() -> Row:
    """Two lines over music, through the whole pipeline."""
    return of_recipe(Recipe("music", texts=(HARBOR, WATER), seconds=12.0, music_db=-28.0))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A public store with one release in it, as the publisher leaves it."""
    folder = tmp_path / "releases" / "up-1" / "es"
    (folder / "v").mkdir(parents=True)
    shutil.move(make_sound(tmp_path / "t.m4a", tone(440.0, 3.0)), folder / "v" / "track.m4a")
    (folder / "v" / "manifest.json").write_text("{}")
    (folder / "current.json").write_text(json.dumps({"track": "releases/up-1/es/v/track.m4a"}))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/releases/up-1/es"
        server.shutdown()


@pytest.mark.long
@pytest.mark.xdist_group("evaluate")
def test_a_clip_is_dubbed_and_heard(dubbed: Row) -> None:
    """Both lines, where they were to be, and nothing wrong."""
    figures = dubbed.figures
    faults = ("missing", "cut", "overlaps", "clicks")
    assert [0, 0, 0, 0] == [figures[name] for name in faults]
    assert 2 == figures["lines"]
    assert [0, 0, 0] == pytest.approx(
        [figures[name] for name in ("misplaced_ms", "start_ms", "length_ms")], abs=0.1
    )
    assert pytest.approx(-16.0, abs=0.5) == figures["lufs"]


@pytest.mark.long
def test_the_pauses_of_a_clip_are_counted(dubbed: Row) -> None:
    """The one between two sentences is in its place, and neither has one within."""
    figures = dubbed.figures
    assert (1.0, 0) == (figures["pauses_in_place"], figures["pauses_wrong"])
    assert figures["duration_ratio"] is not None
    assert 0.5 < figures["duration_ratio"] <= 1.0


def test_a_breath_is_where_a_recipe_has_it(tmp_path: Path) -> None:
    """For as long as it says, and the captions have the words alone."""
    clip = Recipe("breath", texts=BREATHS[:1], seconds=5.0, breath=0.7).make(tmp_path)
    one, other = find_speech(clip.path, into=tmp_path)
    assert pytest.approx(0.7, abs=0.15) == other.start - one.end
    assert clip.captions is not None
    assert "|" not in clip.captions


@pytest.mark.parametrize("name", ["current.json", "v/manifest.json", "v/track.m4a"])
def test_any_release_is_measured_as_far_as_it_can_be(address: str, name: str) -> None:
    """Its loudness is known, and of its lines nothing is made up."""
    row = of_address(f"{address}/{name}")
    assert pytest.approx(3.0, abs=0.001) == row.heard.seconds
    assert row.loudness.lufs > -40.0
    measured = {name for name, figure in row.figures.items() if figure is not None}
    assert {"seconds", "lufs", "true_peak_db"} == measured


@pytest.mark.long
@pytest.mark.xdist_group("evaluate")
def test_the_line_for_machines_is_the_worst_clips(dubbed: Row) -> None:
    """A cut line is worse than any other figure."""
    first, second = dubbed.heard.lines
    cut = replace(dubbed.heard, lines=(first, replace(second, lost_seconds=0.2)))
    line = json.loads(as_json([dubbed, replace(dubbed, name="cut", heard=cut)]))
    assert ("cut", 1) == (line["clip"], line["cut"])
