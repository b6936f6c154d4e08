"""Older and newer ffmpegs: the same tests on each build that an imageio-ffmpeg wheel holds.

For one of the machine's own: DUB_FFMPEG=/usr/bin/ffmpeg pytest tests/resources/media
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dub_platform.core.errors import EngineUnavailableError
from resources.media.features import require_capable

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[3]
TESTS = ("tests/resources/media", "tests/resources/mixer", "tests/contracts/test_mixer.py")


def install(release: str, folder: Path) -> Path:
    """The ffmpeg of a release of the package."""
    target = ["--target", str(folder), "--python", sys.executable, "--no-deps", "--quiet"]
    command = [sys.executable, "-m", "uv", "pip", "install", *target, f"imageio-ffmpeg=={release}"]
    subprocess.run(command, check=True)
    (program,) = folder.glob("imageio_ffmpeg/binaries/ffmpeg-*")
    return program


@pytest.mark.parametrize("release", ["0.4.9", "0.6.0"], ids=["4.2", "7.0"])
def test_media_is_made_as_well_with_another_build(tmp_path: Path, release: str) -> None:
    """It has all that is asked of it, and all tests of media and of the mix pass with it."""
    program = install(release, tmp_path / "wheel")
    require_capable(program, tmp_path / "known.txt")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not long", *TESTS],
        cwd=ROOT,
        env={**os.environ, "DUB_FFMPEG": str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout[-4000:]


def test_a_build_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """By what it lacks; 4.1 fills up no sound to a length."""
    program = install("0.3.0", tmp_path / "wheel")
    said = r"version 4\.1-static, lacks what the platform uses: filter apad with whole_dur\. Name"
    with pytest.raises(EngineUnavailableError, match=said):
        require_capable(program, tmp_path / "known.txt")
