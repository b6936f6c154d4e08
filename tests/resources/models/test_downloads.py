"""Models from a server: resumed, verified, and never half there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dub_platform.core.errors import EngineUnavailableError, StorageFullError
from resources.models import staging
from resources.models.catalogue import Entry
from resources.models.downloads import Downloads
from resources.models.installed import ModelFolder
from tests.support.servers.models import CONFIG, WEIGHTS, ModelServer, sum_of, whisper


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Where the model lives."""
    with ModelServer() as started:
        yield started


@pytest.fixture
def entry(server: ModelServer) -> Entry:
    """The model, as the catalogue has it."""
    return whisper(f"{server.origin}/")


@pytest.fixture
def models(tmp_path: Path, entry: Entry) -> ModelFolder:
    """A folder of models, empty."""
    return ModelFolder(tmp_path / "models", {entry.full_name: entry})


def get(models: ModelFolder, entry: Entry, mirror: str = "") -> int:
    """Get the model, without waiting between tries; the bytes that were told."""
    told: list[int] = []
    with Downloads(mirror, pause=lambda _: None) as downloads:
        downloads.install(models, entry, told.append)
    return sum(told)


def is_whole(models: ModelFolder) -> bool:
    """Whether the model is found, with the right bytes."""
    model = models.find("whisper", "base")
    files = (model.path("model.bin").read_bytes(), model.path("below/config.json").read_bytes())
    return files == (WEIGHTS, CONFIG)


def test_a_model_is_there_once_it_is_all_there(models: ModelFolder, entry: Entry) -> None:
    """Each byte is told once, and nothing but the model is left."""
    with pytest.raises(EngineUnavailableError):
        models.find("whisper", "base")
    assert entry.bytes == get(models, entry)
    assert is_whole(models)
    left = [path.name for path in models.root.rglob("*") if path.name.endswith(".part")]
    assert [] == left


def test_a_connection_that_breaks_is_resumed_where_it_broke(
    server: ModelServer, models: ModelFolder, entry: Entry
) -> None:
    """Twice, and no byte is fetched again."""
    server.breaks_after = [1_000_000, 200_000]
    assert entry.bytes == get(models, entry)
    assert is_whole(models)
    ranges = [given for path, given in server.asked if path == "/model.bin"]
    starts = [int(given.removeprefix("bytes=").removesuffix("-")) for given in ranges if given]
    assert len(ranges) == 3
    assert starts == sorted(starts)
    assert starts[0] > 0


def test_what_broke_for_good_is_gone_on_with_by_the_next_call(
    server: ModelServer, models: ModelFolder, entry: Entry
) -> None:
    """The first one says what to do."""
    server.breaks_after = [400_000] + [0] * 6
    with pytest.raises(EngineUnavailableError, match="the same command goes on from there"):
        get(models, entry)
    with pytest.raises(EngineUnavailableError):
        models.find("whisper", "base")
    server.asked.clear()
    assert entry.bytes == get(models, entry)
    assert is_whole(models)
    assert server.asked[0][1].startswith("bytes=")


def test_a_server_without_ranges_is_asked_for_all_of_it_again(
    server: ModelServer, models: ModelFolder, entry: Entry
) -> None:
    """And its bytes are told once all the same."""
    server.knows_ranges = False
    server.breaks_after = [1_000_000, 900_000]
    assert entry.bytes == get(models, entry)
    assert is_whole(models)


@pytest.mark.parametrize(
    "served", [WEIGHTS[::-1], WEIGHTS + b"more", b"<html>Sign in</html>".ljust(len(WEIGHTS))]
)
def test_other_bytes_than_the_catalogues_are_refused(
    server: ModelServer, models: ModelFolder, entry: Entry, served: bytes
) -> None:
    """With both sums, and they are removed: what comes next begins anew."""
    server.files["/model.bin"] = served
    with pytest.raises(EngineUnavailableError, match=sum_of(WEIGHTS)):
        get(models, entry)
    with pytest.raises(EngineUnavailableError):
        models.find("whisper", "base")
    server.files["/model.bin"] = WEIGHTS
    get(models, entry)
    assert is_whole(models)


def test_a_file_that_is_not_there_is_named(
    server: ModelServer, models: ModelFolder, entry: Entry
) -> None:
    """At once, with other ways to get it."""
    del server.files["/model.bin"]
    with pytest.raises(EngineUnavailableError, match=r"/model\.bin answered 404.*DUB_MODELS_URL"):
        get(models, entry)
    assert len(server.asked) == 1


def test_what_is_packed_where_it_lives_is_unpacked(server: ModelServer, tmp_path: Path) -> None:
    """Its sum is that of its content."""
    entry = whisper(f"{server.origin}/", gzip=True, source="model.bin.gz")
    models = ModelFolder(tmp_path / "models", {entry.full_name: entry})
    server.breaks_after = [100_000]
    assert entry.bytes == get(models, entry)
    assert is_whole(models)


def test_a_mirror_is_a_folder_of_models_that_is_shown(
    server: ModelServer, models: ModelFolder, entry: Entry, tmp_path: Path
) -> None:
    """What is got from where it lives can be got from the folder that it is in then."""
    get(models, entry)
    shown = {
        f"/mirror/{path.relative_to(models.root)}": path.read_bytes()
        for path in models.root.rglob("*")
        if path.is_file()
    }
    another = ModelFolder(tmp_path / "another", models.catalogue)
    with ModelServer(shown) as mirror:
        get(another, entry, f"{mirror.origin}/mirror/")
    assert is_whole(another)


def test_there_must_be_room(
    server: ModelServer, models: ModelFolder, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked for."""
    free = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("resources.models.staging.shutil.disk_usage", lambda _: free)
    with pytest.raises(StorageFullError, match=r"3 MB are needed.*1 MB are free.*DUB_MODELS_DIR"):
        get(models, entry)
    assert [] == server.asked


def test_two_at_once_do_not_write_into_each_other(models: ModelFolder, entry: Entry) -> None:
    """The second one says so."""
    with (
        staging.staging(models, entry),
        pytest.raises(EngineUnavailableError, match="Another process is changing the models"),
    ):
        get(models, entry)
