"""The voice taken out by Demucs on this machine: the `separate` extra, with torch.

    separator = DemucsSeparator("htdemucs")
    bed = separator.bed(Path("sound.flac"), into=folder)

The sound goes through in windows that overlap, so memory does not grow with its length. What
Demucs says is voice is taken from the sound itself: what it cannot place stays in the bed, and
so does what is above the 22 kHz that it works with. The model is loaded at the first use and
stays, for all runs of the process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import pickle
import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from dub_platform.core.errors import EngineFailedError, EngineUnavailableError, MediaToolError
from dub_platform.core.mixing import RATE
from resources.separator.flac import write

if TYPE_CHECKING:
    from demucs.api import Separator as Demucs
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# Those that the package downloads by name, but for the quantized, which need one package more.
MODELS = ("htdemucs", "htdemucs_ft", "htdemucs_6s", "hdemucs_mmi", "mdx", "mdx_extra")
VOICE = "vocals"
WINDOW_SECONDS = 60
# One segment of the model: across it, what one window heard is faded into what the next did.
OVERLAP_SECONDS = 8
_LOADING = threading.Lock()
_SEPARATING = threading.Lock()


class DemucsSeparator:
    """Demucs with a model of `MODELS`, or with a file of one: .th, or the .yaml of a bag.

    Raises EngineUnavailableError where the packages or the file are missing.
    """

    removes_voice = True

    def __init__(self, model: str) -> None:
        _refuse_missing(model)
        self.engine = f"demucs {version('demucs')} {Path(model).stem}"
        self._model = model

    def bed(self, sound: Path, *, into: Path) -> Path:
        demucs = _loaded(self._model)
        path = into / "bed.flac"
        # Two at once would take twice the memory and be no faster.
        with _SEPARATING, _failing(), soundfile.SoundFile(sound) as source:
            write((whole - voice for whole, voice in parted(source, demucs)), path)
        return path


def parted(source: soundfile.SoundFile, demucs: Demucs) -> Iterator[tuple[Sound, Sound]]:
    """The sound in its order, each part with the voice in it: float32, (frames, 2)."""
    overlap = OVERLAP_SECONDS * RATE
    rising = np.linspace(0.0, 1.0, overlap, dtype=np.float32)[:, np.newaxis]
    before: Sound | None = None
    windows = source.blocks(WINDOW_SECONDS * RATE, overlap, dtype="float32", always_2d=True)
    for window in windows:
        voice = _voice(window, demucs)
        if before is not None:
            voice[:overlap] = rising * voice[:overlap] + (1.0 - rising) * before
        is_last = source.tell() == source.frames
        end = len(window) if is_last else len(window) - overlap
        yield window[:end], voice[:end]
        before = voice[end:]


def _voice(window: Sound, demucs: Demucs) -> Sound:
    """The voice in a window, as long as it."""
    import torch
    from demucs.audio import convert_audio

    # So that it is a whole number of samples at Demucs' rate too.
    missing = -len(window) % (RATE // math.gcd(RATE, demucs.samplerate))
    sound = torch.from_numpy(np.pad(window, ((0, missing), (0, 0))).T.copy())
    _, parts = demucs.separate_tensor(sound, RATE)
    voice = convert_audio(parts[VOICE], demucs.samplerate, RATE, channels=2)
    heard: Sound = voice.cpu().numpy().T[: len(window)].copy()
    return heard


def _loaded(model: str) -> Demucs:
    # Two threads that ask at once would otherwise load it twice.
    with _LOADING:
        return _loaded_model(model)


@lru_cache(maxsize=1)
def _loaded_model(model: str) -> Demucs:
    """The model, downloaded if it is one of `MODELS`. Raises EngineUnavailableError."""
    from demucs.api import Separator as Demucs

    try:
        # A shift at random would gain 0.2 dB, and give another bed each time.
        demucs = Demucs(**_named(model), shifts=0)
    except (OSError, RuntimeError, LookupError, TypeError, pickle.UnpicklingError) as error:
        raise EngineUnavailableError(
            f"Demucs' model {model} cannot be loaded. Look at DUB_DEMUCS_MODEL, at the room on "
            "the disk and in the memory, and, for a model that is downloaded, at the connection.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    if VOICE not in demucs.model.sources:
        raise EngineUnavailableError(
            f"Demucs' model {model} does not tell voices from the rest: it knows "
            f"{', '.join(demucs.model.sources)}. Choose another with DUB_DEMUCS_MODEL."
        )
    return demucs


def _named(model: str) -> dict[str, Any]:
    """How Demucs is told of a model: by its name, and by its folder where it is a file."""
    if model in MODELS:
        return {"model": model}
    path = Path(model)
    # The end of a checkpoint's name is its checksum.
    name = path.stem.rsplit("-", 1)[0] if path.suffix == ".th" else path.stem
    return {"model": name, "repo": path.parent}


def _refuse_missing(model: str) -> None:
    missing = [name for name in ("demucs", "torch") if not importlib.util.find_spec(name)]
    if missing:
        raise EngineUnavailableError(
            f"DUB_ORIGINAL is remove, but {' and '.join(missing)} cannot be imported. Install the "
            "extra: pip install 'dub-platform[separate]'."
        )
    if model not in MODELS and not Path(model).is_file():
        raise EngineUnavailableError(
            f"DUB_DEMUCS_MODEL is {model!r}, which is neither a model's file nor one of "
            f"{', '.join(MODELS)}."
        )


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Wraps libsndfile's errors, and torch's, which has one kind for all of them."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise MediaToolError(
            "The sound of this video cannot be read: it is damaged in the store. Materialize "
            "audio again.",
            detail=str(error),
        ) from error
    except RuntimeError as error:
        raise EngineFailedError(
            "Demucs failed while it took the voice out. If the memory was too small, choose a "
            "smaller DUB_DEMUCS_MODEL, or duck the voice with DUB_ORIGINAL=duck; then ask for the "
            "dub again.",
            detail=str(error),
        ) from error
