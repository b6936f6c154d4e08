"""What is asked of ffmpeg: no graph uses more than its table, and no ffmpeg has less."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ffmpeg as graphs
import pytest

from dub_platform.core.errors import EngineUnavailableError
from resources.media.features import require_capable, require_listed
from resources.media.ffmpeg import find_in_wheel

HEARD = graphs.input("a.wav").audio


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Where it is remembered what passed, in a folder that is not there yet."""
    return tmp_path / "home" / "known.txt"


@pytest.fixture
def wrap(tmp_path: Path) -> Callable[[str], Path]:
    """Makes an ffmpeg of the wheel's; `script` is a shell's, in which it is $REAL."""

    def make(script: str) -> Path:
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!/bin/sh\nREAL={shlex.quote(str(find_in_wheel()))}\n{script}\n")
        program.chmod(0o755)
        return program

    return make


def test_the_one_in_the_wheel_has_everything(known: Path) -> None:
    """It is the one that all other tests run."""
    require_capable(find_in_wheel(), known)
    assert known.is_file()


@pytest.mark.parametrize(
    ("without", "lacks"),
    [
        ("/verbose/d", "filter ebur128 with framelog=verbose"),
        ("/whole_dur/d", "filter apad with whole_dur"),
        ("/ volumedetect /d", "filter volumedetect"),
        ("/libx264/d", "encoder libx264"),
        ("/ subrip /d", "decoder subrip"),
        (r"/QuickTime\|MP4 (/d", "demuxer mov, muxer mp4"),
        ("/^  pipe/d", "protocol pipe"),
        ("/-skip_frame/d", "option -skip_frame"),
    ],
)
def test_one_that_lacks_something_is_refused(
    wrap: Callable[[str], Path], known: Path, without: str, lacks: str
) -> None:
    """With its path, version, what it lacks, and what to do; and it is asked again next time."""
    program = wrap(f'"$REAL" "$@" | sed -e "{without}"')
    said = rf"in {program}, version \S+, lacks .*: {lacks}\. Name another with DUB_FFMPEG"
    with pytest.raises(EngineUnavailableError, match=said):
        require_capable(program, known)
    assert not known.exists()


def test_one_that_lacks_much_is_refused_in_few_words(
    wrap: Callable[[str], Path], known: Path
) -> None:
    """Five things are named, and how many more there are."""
    program = wrap('[ "$2" = -version ] && exec "$REAL" -version')
    with pytest.raises(EngineUnavailableError, match=r"decoder aac, .* and \d+ more\. Name"):
        require_capable(program, known)


@pytest.mark.parametrize(
    ("script", "why"),
    [("exit 0", "it does not answer as ffmpeg does"), (None, "No such file or directory")],
    ids=["no ffmpeg", "nothing"],
)
def test_what_cannot_be_run_is_refused(
    wrap: Callable[[str], Path], tmp_path: Path, known: Path, script: str | None, why: str
) -> None:
    """With the setting that names it."""
    program = wrap(script) if script else tmp_path / "missing"
    said = rf"in {program} cannot be run: .*{why}.*DUB_FFMPEG"
    with pytest.raises(EngineUnavailableError, match=said):
        require_capable(program, known)


def test_one_that_passed_is_not_asked_again_until_it_changes(
    wrap: Callable[[str], Path], tmp_path: Path, known: Path
) -> None:
    """Every run's process has the question, and an answer takes a second of some builds."""
    program, asked = wrap(f'echo >>{tmp_path}/asked\nexec "$REAL" "$@"'), tmp_path / "asked"
    require_capable(program, known)
    times = asked.stat().st_size
    require_capable(program, known)
    assert times == asked.stat().st_size
    os.utime(program, ns=(1, 1))
    require_capable(program, known)
    assert 2 * times == asked.stat().st_size


@pytest.mark.parametrize(
    ("graph", "unlisted"),
    [
        (HEARD.filter("loudnorm").output("-", format="null"), "filter loudnorm"),
        (
            HEARD.filter("ebur128", framelog="quiet").output("-", format="null"),
            "filter ebur128 with framelog",
        ),
        (
            HEARD.filter("aresample", 48_000).output("-", format="null"),
            "filter aresample with 48000, which names no option",
        ),
        (graphs.input("a", format="lavfi").output("-", format="null"), "demuxer lavfi"),
        (graphs.input("a", stream_loop=1).output("-", format="null"), "option -stream_loop"),
        (HEARD.output("a.mkv", format="webm", codec="copy"), "muxer webm"),
        (
            HEARD.output("a.mp4", format="mp4", **{"codec:a:0": "libfdk_aac"}),
            "encoder libfdk_aac",
        ),
        (HEARD.output("a.wav", codec="pcm_s16le"), "a muxer that is not named for a.wav"),
        (HEARD.output("a.wav", format="wav"), "an encoder that is not named for a.wav"),
    ],
    ids=lambda each: each.replace(" ", "_") if isinstance(each, str) else "",
)
def test_a_use_without_a_row_is_no_graph(graph: Any, unlisted: str) -> None:
    """What is used is named, so that no ffmpeg can lack it unknown to the check."""
    with pytest.raises(LookupError, match=f"no row for: {unlisted}[.]"):
        require_listed(graph)


def test_a_use_with_a_row_is_a_graph() -> None:
    """Also a copy, which needs no encoder, and what streams are told one by one."""
    copied = HEARD.output("a.mp4", format="mp4", **{"codec": "copy", "metadata:s:a:0": "a=b"})
    require_listed(graphs.merge_outputs(copied, HEARD.output("-", format="null")))
