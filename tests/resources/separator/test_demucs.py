"""How Demucs is asked: in windows, by its own API, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform import wiring
from dub_platform.core.errors import (
    EngineFailedError,
    EngineUnavailableError,
    MediaToolError,
    StorageFullError,
)
from dub_platform.settings import Settings
from resources.models.catalogue import read_catalogue
from resources.separator import demucs
from resources.separator.demucs import LOADED, MODELS, DemucsSeparator, load, separate
from tests.support.full_disks import no_file_beyond
from tests.support.recipes.demucs import random
from tests.support.recipes.media import RATE, Sound, noise, stereo

pytestmark = pytest.mark.xdist_group("demucs")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(random(tmp_path_factory.mktemp("demucs") / "tiny.th"))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Near 7 s of noise, which are no whole number of samples at Demucs' rate."""
    path = tmp_path / "sound.flac"
    soundfile.write(path, made(7.0)[:-100], RATE, subtype="PCM_16")
    return path


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 3 s that share one: a short sound has several."""
    monkeypatch.setattr(demucs, "WINDOW_SECONDS", 3)
    monkeypatch.setattr(demucs, "OVERLAP_SECONDS", 1)


def made(seconds: float) -> Sound:
    return stereo(noise(seconds, seed=1), noise(seconds, seed=2))


def all_parts(sound: Path, model: str) -> tuple[Sound, Sound]:
    with soundfile.SoundFile(sound) as source:
        parts = list(separate(source, load(model)))
    whole, voice = (np.concatenate(each) for each in zip(*parts, strict=True))
    return whole, voice


def test_bed_and_voice_add_up_to_the_sound(
    sound: Path, model: str, tmp_path: Path, short_windows: None
) -> None:
    """To the last bit of FLAC, and something was taken out."""
    whole, voice = all_parts(sound, model)
    bed, _ = soundfile.read(DemucsSeparator(model).bed(sound, into=tmp_path), dtype="float32")
    assert bool(np.array_equal(whole, soundfile.read(sound, dtype="float32")[0])) is True
    assert float(np.abs(bed + voice - whole).max()) <= 0.51 / 32_768
    assert float(np.abs(voice).max()) > 0.001


def test_the_voice_is_the_one_that_demucs_names(sound: Path, model: str) -> None:
    """What its own API gives for the whole file; it cuts the end of that into other segments."""
    from demucs.audio import convert_audio

    separator = load(model)
    _, stems = separator.separate_audio_file(sound)
    expected = convert_audio(stems["vocals"], separator.samplerate, RATE, 2).numpy().T
    _, voice = all_parts(sound, model)
    shared = slice(0, 3 * RATE)
    assert float(np.abs(expected[shared] - voice[shared]).max()) < 0.01 * np.abs(voice).max()


def test_windows_join_without_a_step(sound: Path, model: str, short_windows: None) -> None:
    """Where one window ends nothing changes at once: it is faded into the next."""
    _, voice = all_parts(sound, model)
    steps = np.abs(np.diff(voice, axis=0)).max(axis=1)
    for border in (2 * RATE, 3 * RATE, 4 * RATE, 5 * RATE):
        assert steps[border - 2 : border + 2].max() <= np.quantile(steps, 0.9999)


def test_no_more_than_a_window_is_read_at_once(
    sound: Path, model: str, short_windows: None
) -> None:
    """However long the sound: the next is read when one is written."""
    with soundfile.SoundFile(sound) as source:
        parts = separate(source, load(model))
        read = [source.tell() for _ in parts]
    assert [3 * RATE, 5 * RATE, 7 * RATE - 100] == read


def test_a_damaged_sound_is_named_as_such(model: str, tmp_path: Path) -> None:
    """The error says what to make anew, and keeps the library's words."""
    (tmp_path / "sound.flac").write_bytes(b"not sound")
    with pytest.raises(MediaToolError, match="Materialize audio again") as failed:
        DemucsSeparator(model).bed(tmp_path / "sound.flac", into=tmp_path)
    assert "sound.flac" in str(failed.value.detail)


def test_a_full_disk_is_named(sound: Path, model: str, tmp_path: Path) -> None:
    """While it writes, and not as a failure of the engine."""
    separator = DemucsSeparator(model)
    with no_file_beyond(100_000), pytest.raises(StorageFullError, match=r"bed\.flac"):
        separator.bed(sound, into=tmp_path)


def test_what_torch_says_is_kept(
    sound: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its memory is too small."""

    def out_of_memory(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with LOADED.lend(model) as kept:
        monkeypatch.setattr(kept, "separate_tensor", out_of_memory)
    with pytest.raises(EngineFailedError, match="DUB_ORIGINAL=duck") as failed:
        DemucsSeparator(model).bed(sound, into=tmp_path)
    assert "can't allocate memory" in str(failed.value.detail)


def test_a_damaged_model_is_named(sound: Path, tmp_path: Path) -> None:
    """When it is first used, with what the loader said."""
    (tmp_path / "torn.th").write_bytes(b"not a model")
    with pytest.raises(EngineUnavailableError, match="DUB_DEMUCS_MODEL") as refused:
        DemucsSeparator(str(tmp_path / "torn.th")).bed(sound, into=tmp_path)
    assert "UnpicklingError" in str(refused.value.detail)


def test_a_model_that_knows_no_voices_is_refused(sound: Path, tmp_path: Path) -> None:
    """It would take nothing out."""
    model = random(tmp_path / "drums.th", sources=["drums", "other"])
    with pytest.raises(EngineUnavailableError, match="knows drums, other"):
        DemucsSeparator(str(model)).bed(sound, into=tmp_path)


def test_an_unknown_model_is_refused_at_once() -> None:
    """Before a video waits for it."""
    with pytest.raises(EngineUnavailableError, match=r"DUB_DEMUCS_MODEL is 'enormous'.*htdemucs"):
        DemucsSeparator("enormous")


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with the variable and what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        EngineUnavailableError, match=r"install\.sh -e '\.\[separate\]'.*IMAGE_EXTRAS=separate"
    ) as refused:
        DemucsSeparator("htdemucs")
    assert "DUB_ORIGINAL is remove" in str(refused.value)


def test_the_files_are_those_that_the_package_knows() -> None:
    """The catalogue's have the names and the beginnings of sums that its lists have."""
    from demucs.pretrained import REMOTE_ROOT

    listed = (REMOTE_ROOT / "files.txt").read_text().splitlines()
    for name in MODELS:
        [file] = read_catalogue()[f"demucs/{name}"].files
        signature, sum_begins = file.name.removesuffix(".th").split("-")
        assert file.name in listed
        assert file.sum.startswith(f"sha256:{sum_begins}")
        assert f"'{signature}'" in (REMOTE_ROOT / f"{name}.yaml").read_text()


def test_a_model_that_is_not_here_is_named_at_the_start(tmp_path: Path) -> None:
    """With its size and the command that gets it."""
    with pytest.raises(
        EngineUnavailableError, match=r"84 MB.*dub-admin models get demucs/htdemucs"
    ):
        wiring.separator(Settings(original="remove", models_dir=tmp_path))


def test_no_name_is_looked_up_on_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the package downloads what it knows by name."""
    import torch

    asked: list[str] = []
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda url, **_: asked.append(url))
    with pytest.raises(EngineUnavailableError, match="no run downloads one"):
        load("htdemucs")
    assert [] == asked


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    """Every code server and worker imports the module, and few take a voice out."""
    code = "import sys, resources.separator.demucs; print({'torch', 'demucs'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == said.stdout.strip()
