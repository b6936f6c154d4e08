"""The bar: it never goes back, speaks as the page does, and knows how long others took."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from api.pages.texts import all_texts
from api.pages.watch import STAGES
from dub_platform.client import progress
from dub_platform.client.answers import VideoAnswer, VideoRow
from dub_platform.client.commands import videos as commands
from dub_platform.client.progress import STEPS, Pace, Waiting, share, step

BEGUN, RED = "2026-11-30T12:00:00+00:00", re.compile(r"\x1b\[31m|249;38;114")


def video(status: str, stage: str | None = None, *dubs: dict[str, Any]) -> VideoAnswer:
    """A video of 10 s at this stage."""
    at = {"stage": stage} if stage else {}
    return cast(
        VideoAnswer,
        {"status": status, "duration_seconds": 10.0, "dubs": [*dubs] or [dub("queued")], **at},
    )


def dub(status: str, stage: str | None = None, language: str = "es") -> dict[str, Any]:
    return {"language": language, "status": status, **({"stage": stage} if stage else {})}


STORY = (
    video("queued"),
    video("running", "source_media"),
    video("running", "transcript"),
    video("prepared"),
    video("prepared", None, dub("running", "translation")),
    video("prepared", None, dub("running", "dubbed_track")),
    video("prepared", None, dub("queued")),
    video("prepared", None, dub("running", "translation")),
    video("prepared", None, dub("released")),
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is shown to somebody who sits at one."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system="truecolor")
    monkeypatch.setattr(progress, "err", console)
    return screen


def completed(story: Sequence[VideoAnswer], waiting: Waiting) -> list[float]:
    """How full the bar is after each."""
    found = []
    for each in story:
        waiting.show(each)
        found.append(waiting._bar.tasks[0].completed)
    return found


def test_the_steps_are_the_pages() -> None:
    """In the same words and order."""
    texts = all_texts("watch")["en"]
    assert [(stage, texts[f"stage_{stage}"]) for stage in STAGES] == [*STEPS.items()]


def test_the_bar_never_goes_back(terminal: io.StringIO) -> None:
    """Also where a run is made anew; at the end it is full."""
    with Waiting(["es"]) as waiting:
        found = completed(STORY, waiting)
    assert sorted(found) == found
    assert (0.0, 1.0) == (found[0], found[-1])
    assert len(set(found)) == 5


def test_the_bar_is_full_when_all_languages_are_there(terminal: io.StringIO) -> None:
    """One of two is half of it."""
    dubs = dub("released", None, "es"), dub("running", "r2_object", "ca")
    with Waiting(["es", "ca"]) as waiting:
        assert 0.9 < completed([video("prepared", None, *dubs)], waiting)[0] < 1.0


def test_all_is_green_while_all_is_well(terminal: io.StringIO) -> None:
    """Red is for what failed."""
    with Waiting(["es"]) as waiting:
        completed(STORY, waiting)
        waiting._bar.refresh()
    assert "listening" in terminal.getvalue() or "released" in terminal.getvalue()
    assert not RED.search(terminal.getvalue())


def test_sending_is_green_while_all_is_well(
    terminal: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it is not at its end."""
    monkeypatch.setattr(commands, "err", progress.err)  # type: ignore[attr-defined]
    (tmp_path / "clip.mp4").write_bytes(bytes(1000))
    with commands.open_with_bar(tmp_path / "clip.mp4") as file:
        assert 500 == len(file.read(500))
    assert "Sending" in terminal.getvalue()
    assert not RED.search(terminal.getvalue())


def test_languages_that_are_apart_are_named() -> None:
    """Each with its own step, once the video is prepared."""
    two = video("prepared", None, dub("running", "speech", "es"), dub("running", "r2_object", "ca"))
    assert ["speaking", "publishing"] == [step(two, each) for each in two["dubs"]]
    early = video("running", "transcript", dub("queued", None, "es"), dub("queued", None, "ca"))
    assert ["listening", "listening"] == [step(early, each) for each in early["dubs"]]
    assert share(early, early["dubs"][0]) < share(two, two["dubs"][0]) < 1


def row(preparing: float, dubbing: int, seconds: float = 10.0) -> VideoRow:
    ended = BEGUN.replace("12:00:00", f"12:00:{dubbing:02}")
    times = {"processing_started_at": BEGUN, "processing_completed_at": ended}
    dubs = [{"status": "released", **times}, {"status": "running", "processing_started_at": BEGUN}]
    length = {"duration_seconds": seconds, "processing_duration_seconds": preparing}
    return cast(VideoRow, {**length, "dubs": dubs})


def test_how_long_it_takes_is_what_others_took(terminal: io.StringIO) -> None:
    """By the length of the video; where nothing was measured, nothing is said."""
    pace = Pace.measure([row(20, 30), row(40, 50), row(1000, 40)])
    assert Pace(4.0, 4.0) == pace
    with Waiting(["es"], Pace(3600.0, 3600.0)) as waiting:
        waiting.show(video("running", "audio"))
        assert "about 20 h left" == waiting._bar.tasks[0].fields["left"]
        waiting.show(video("prepared"))
        assert "about 10 h left" == waiting._bar.tasks[0].fields["left"]
    assert Pace.measure([]) is None
    with Waiting(["es"]) as waiting:
        waiting.show(video("running", "audio"))
        assert "" == waiting._bar.tasks[0].fields["left"]
