"""Removes the voice with Demucs on this machine: the `separate` extra, with torch.

    separator = DemucsSeparator("htdemucs")
    bed = separator.bed(Path("sound.flac"), into=folder)

The sound is processed in overlapping windows, so memory does not grow with its length. The voice
that Demucs finds is subtracted from the sound itself: what Demucs cannot assign stays in the bed,
and so do frequencies above the 22 kHz that it works with. The model is loaded at the first use, and
kept for all runs of the process, until nobody has asked it anything for `idle_seconds`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import pickle
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from dub_platform.core.errors import EngineFailedError, EngineUnavailableError, MediaToolError
from dub_platform.core.mixing import RATE
from resources.separator.flac import write
from resources.system.extras import say_how_to_install
from resources.system.warm_model import WarmModel

if TYPE_CHECKING:
    from demucs.api import Separator as Demucs
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# The models that the catalogue has. The package would download others by name, which no run does.
MODELS = ("htdemucs", "htdemucs_6s")
VOICE = "vocals"
WINDOW_SECONDS = 60
# One segment of the model; over it, the result of one window fades into that of the next.
OVERLAP_SECONDS = 8
_SEPARATING = threading.Lock()


class DemucsSeparator:
    """Demucs with a model of `MODELS` and its `checkpoint`, or a file: .th, or the .yaml of a bag.

    Raises EngineUnavailableError if packages or the file are missing.
    """

    removes_voice = True

    def __init__(
        self, model: str, idle_seconds: float = math.inf, checkpoint: Path | None = None
    ) -> None:
        refuse_missing(model)
        self.engine = f"demucs {version('demucs')} {Path(model).stem}"
        self._path, self._idle_seconds = str(checkpoint or model), idle_seconds

    def bed(self, sound: Path, *, into: Path) -> Path:
        path = into / "bed.flac"
        # Two at once would need twice the memory and be no faster.
        with (
            LOADED.lend(self._path, idle_seconds=self._idle_seconds) as demucs,
            _SEPARATING,
            _translating_errors(),
            soundfile.SoundFile(sound) as source,
        ):
            write((whole - voice for whole, voice in separate(source, demucs)), path)
        return path


def separate(source: soundfile.SoundFile, demucs: Demucs) -> Iterator[tuple[Sound, Sound]]:
    """Yield the sound in order, each part with the voice in it: float32, (frames, 2)."""
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
    """Return the voice in a window, with the same length."""
    import torch
    from demucs.audio import convert_audio

    # Padded to a whole number of samples at Demucs' rate, too.
    missing = -len(window) % (RATE // math.gcd(RATE, demucs.samplerate))
    sound = torch.from_numpy(np.pad(window, ((0, missing), (0, 0))).T.copy())
    _, parts = demucs.separate_tensor(sound, RATE)
    voice = convert_audio(parts[VOICE], demucs.samplerate, RATE, channels=2)
    heard: Sound = voice.cpu().numpy().T[: len(window)].copy()
    return heard


def load(model: str) -> Demucs:
    """Load the model in a file. Raises EngineUnavailableError."""
    from demucs.api import Separator as Demucs

    # A name that is no file would be downloaded.
    if not Path(model).is_file():
        raise EngineUnavailableError(
            f"There is no file {model} here, and no run downloads one. Get the model with "
            "dub-admin models get, or name a file with DUB_DEMUCS_MODEL."
        )
    try:
        # Random shifts would gain 0.2 dB, but give another bed each time.
        demucs = Demucs(**_model_arguments(model), shifts=0)
    except (OSError, RuntimeError, LookupError, TypeError, pickle.UnpicklingError) as error:
        raise EngineUnavailableError(
            f"Demucs' model {model} cannot be loaded. Look at DUB_DEMUCS_MODEL, and at the "
            "room in the memory.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    if VOICE not in demucs.model.sources:
        raise EngineUnavailableError(
            f"Demucs' model {model} does not tell voices from the rest: it knows "
            f"{', '.join(demucs.model.sources)}. Choose another with DUB_DEMUCS_MODEL."
        )
    return demucs


# The model of this process.
LOADED = WarmModel(load)


def _model_arguments(model: str) -> dict[str, Any]:
    """Return Demucs' arguments for a model's file: its name, and its folder."""
    path = Path(model)
    # The file name of a checkpoint ends with its checksum.
    name = path.stem.rsplit("-", 1)[0] if path.suffix == ".th" else path.stem
    return {"model": name, "repo": path.parent}


def refuse_missing(model: str) -> None:
    """Raise EngineUnavailableError if the packages or the model's file are missing."""
    missing = [name for name in ("demucs", "torch") if not importlib.util.find_spec(name)]
    if missing:
        raise EngineUnavailableError(
            f"DUB_ORIGINAL is remove, but {' and '.join(missing)} cannot be imported. "
            + say_how_to_install("separate")
        )
    if model not in MODELS and not Path(model).is_file():
        raise EngineUnavailableError(
            f"DUB_DEMUCS_MODEL is {model!r}, which is neither a model's file nor one of "
            f"{', '.join(MODELS)}."
        )


@contextlib.contextmanager
def _translating_errors() -> Iterator[None]:
    """Translate the errors of libsndfile and of torch, which has one class for all its errors."""
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
