from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.recipes.golden_clip import GoldenClip, make_golden_clip
from tests.support.rig.platform import Answer, Platform, running_platform

LINK_SECRET = "a secret of thirty-two characters or more"


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One running stack for all the tests that only use it as people do, and not for others."""
    with running_platform(
        tmp_path_factory.mktemp("platform"), MAX_VIDEO_LENGTH=60, link_secret=LINK_SECRET
    ) as platform:
        yield platform


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenClip:
    return make_golden_clip(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="package")
def handed_in(platform: Platform, golden: GoldenClip) -> Answer:
    """The golden clip's video, asked for in Spanish and Catalan, both released."""
    video = platform.hand_in(golden.path, "es,ca", title="By the river")
    for language in ("es", "ca"):
        platform.await_release(video["id"], language)
    return video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
