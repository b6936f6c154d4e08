"""The folder of models: what is found in it, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.core.errors import EngineUnavailableError
from resources.models.bundles import Bundles, install
from resources.models.catalogue import ROLES, Entry, read_catalogue
from resources.models.installed import ModelFolder
from tests.support.servers.models import CONFIG, WEIGHTS, a_file, make_entry, whisper

OLD = make_entry("whisper", "base", a_file("model.bin", CONFIG))


def bring(models: ModelFolder, entry: Entry, *files: bytes) -> None:
    """Put a model of these files into the folder."""
    source = models.root.parent / "source"
    source.mkdir(exist_ok=True)
    for number, data in enumerate(files):
        (source / str(number)).write_bytes(data)
    install(models, entry, Bundles.open([source], [entry]), lambda _: None)


def test_a_missing_model_is_named_with_its_size_and_the_command(tmp_path: Path) -> None:
    """So that nobody has to look for either."""
    models = ModelFolder(tmp_path)
    with pytest.raises(
        EngineUnavailableError, match=r"whisper/base \(148 MB\).*dub-admin models get whisper/base"
    ):
        models.find("whisper", "base")
    with pytest.raises(EngineUnavailableError, match=r"knows none\. It knows tiny\.en, "):
        models.find("whisper", "gigantic")


def test_the_catalogues_weights_are_taken_before_older_ones(tmp_path: Path) -> None:
    """Which are taken as long as nobody has got the new ones; receipts tell them apart."""
    new = whisper()
    models = ModelFolder(tmp_path / "models", {new.full_name: new})
    bring(models, OLD, CONFIG)
    before = models.find("whisper", "base")
    bring(models, new, WEIGHTS, CONFIG)
    after = models.find("whisper", "base")
    assert (OLD.digest, new.digest) == (before.digest, after.digest)
    assert before.engine != after.engine
    assert 1 == len(models.list_installed())


def test_a_folder_is_no_model_by_its_name_alone(tmp_path: Path) -> None:
    """One that says it is another model, one without a record, one whose record is damaged."""
    models = ModelFolder(tmp_path / "models", {})
    bring(models, OLD, CONFIG)
    place = models.place(OLD)
    other = models.root / "whisper" / "small" / OLD.digest
    other.parent.mkdir()
    place.rename(other)
    damaged = models.root / "whisper" / "tiny" / "0123456789ab"
    damaged.mkdir(parents=True)
    (damaged / "model.json").write_text("{")
    assert () == models.list_installed()


def test_a_file_that_was_removed_is_named(tmp_path: Path) -> None:
    """With the commands that mend it."""
    models = ModelFolder(tmp_path / "models", {})
    bring(models, OLD, CONFIG)
    model = models.find("whisper", "base")
    model.path("model.bin").unlink()
    with pytest.raises(EngineUnavailableError, match=r"lacks its file model\.bin.*models remove"):
        model.path("model.bin")


def test_no_file_of_a_model_lies_outside_its_folder() -> None:
    """Whatever a record or a catalogue says."""
    for name in ("../model.bin", "/etc/passwd", "a/../../b", "./a"):
        with pytest.raises(ValueError, match="no name of a file below"):
            make_entry("whisper", "base", a_file(name, CONFIG))


@pytest.mark.parametrize("entry", read_catalogue().values(), ids=list(read_catalogue()))
def test_an_entry_of_the_catalogue_says_where_each_file_comes_from(entry: Entry) -> None:
    """Over https, its names and languages in the right form, and each file once."""
    assert entry.kind in ROLES
    assert all(entry.address(file).startswith("https://") for file in entry.files)
    assert len({file.name for file in entry.files}) == len(entry.files)
    for file in entry.files:
        assert not file.parts or file.bytes == sum(part.bytes for part in file.parts)
