from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import AssetMaterialization, ExecuteInProcessResult

from dub_platform.core.keys import file_sha256
from dub_platform.core.service.videos import upload_id
from tests.support.made_once import Once
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.workshop import Workshop, list_made, open_workshop

SENTENCES = (
    (0.8, "Every summer, many people come to visit us."),
    (5.2, "On Sunday morning, the market opens at seven."),
)


# Prepares the clip in a workshop, with these captions beside it if any; the video's id.
Prepare = Callable[[Workshop, "str | None"], str]


@dataclass(frozen=True)
class Dubbed:
    """The clip, prepared and dubbed into Spanish, and what both runs made, by asset."""

    video_id: str
    made: Mapping[str, AssetMaterialization]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    return Once(tmp_path_factory)


@pytest.fixture(scope="session")
def prepare(once: Once, clip: Path) -> Prepare:
    """Copies what is there after the clip was prepared once with the same captions."""

    def prepare_in(workshop: Workshop, captions: str | None) -> str:
        def make(folder: Path) -> None:
            with open_workshop(folder) as opened:
                note(opened, opened.prepare(opened.hand_in(clip, "es", captions=captions)))

        words = hashlib.sha256(repr(captions).encode()).hexdigest()[:8]
        return settle(workshop, once(f"prepared-{words}", make), clip)

    return prepare_in


@pytest.fixture
def prepared(workshop: Workshop, prepare: Prepare) -> str:
    """The id of the clip, prepared and asked for in Spanish, in this test's own workshop."""
    return prepare(workshop, None)


@pytest.fixture(scope="session")
def dubbed_home(once: Once, prepare: Prepare) -> Path:
    """The folder of a workshop in which the clip was dubbed."""

    def make(folder: Path) -> None:
        with open_workshop(folder) as opened:
            note(opened, opened.dub(prepare(opened, None), "es"))

    return once("dubbed", make)


@pytest.fixture
def dubbed(workshop: Workshop, dubbed_home: Path, clip: Path) -> Dubbed:
    """In this test's own workshop, whose Dagster has not seen the runs."""
    return Dubbed(settle(workshop, dubbed_home, clip), read_notes(workshop))


def settle(workshop: Workshop, made: Path, clip: Path) -> str:
    """Copy the home of a workshop that was opened in that folder; the id of the clip."""
    shutil.copytree(made / "home", workshop.settings.home, dirs_exist_ok=True)
    video_id = upload_id(file_sha256(clip))
    workshop.add_partitions(video_id, ["es"])
    return video_id


def note(workshop: Workshop, result: ExecuteInProcessResult) -> None:
    """Add what the run made to what is read_notes in the workshop's home."""
    made = {**read_notes(workshop), **list_made(result)}
    _notes(workshop).write_bytes(pickle.dumps(made))


def read_notes(workshop: Workshop) -> dict[str, AssetMaterialization]:
    """What runs are read_notes to have made there, by asset."""
    path = _notes(workshop)
    return dict(pickle.loads(path.read_bytes())) if path.exists() else {}


def _notes(workshop: Workshop) -> Path:
    return workshop.settings.home / "made.pickle"


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    with open_workshop(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def clip(once: Once) -> Path:
    """Nine seconds with two sentences in them. What its pictures are made into is not looked at."""
    made = once("clip", lambda folder: make_golden_clip(folder, SENTENCES, 9.0, size="96x72"))
    return made / "golden.mkv"
