from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dub_platform.core.keys import file_sha256
from dub_platform.core.videos import upload_id
from tests.assets.workshop import Workshop, opened_workshop
from tests.integration.golden_clip import GoldenClip, make_golden_clip

SENTENCES = (
    (0.8, "Every summer, many people come to visit us."),
    (5.2, "On Sunday morning, the market opens at seven."),
)


# Prepares the clip in a workshop, with these captions beside it if any; the video's id.
Prepare = Callable[[Workshop, str | None], str]


@pytest.fixture(scope="session")
def prepare(tmp_path_factory: pytest.TempPathFactory, clip: GoldenClip) -> Prepare:
    """Copies what is there after the clip was prepared once with the same captions."""

    @functools.cache
    def prepared_with(captions: str | None) -> Path:
        folder = tmp_path_factory.mktemp("prepared")
        with opened_workshop(folder) as opened:
            opened.prepare(opened.hand_in(clip.path, "es", captions=captions))
        return folder / "home"

    def prepare_in(workshop: Workshop, captions: str | None) -> str:
        shutil.copytree(prepared_with(captions), workshop.settings.home, dirs_exist_ok=True)
        video_id = upload_id(file_sha256(clip.path))
        workshop.add_partitions(video_id, ["es"])
        return video_id

    return prepare_in


@pytest.fixture
def prepared(workshop: Workshop, prepare: Prepare) -> str:
    """The id of the clip, prepared and asked for in Spanish, in this test's own workshop."""
    return prepare(workshop, None)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    with opened_workshop(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> GoldenClip:
    """Nine seconds with two sentences in them."""
    return make_golden_clip(tmp_path_factory.mktemp("clip"), SENTENCES, 9.0)
