"""Speech recognised by OpenAI's Whisper on this machine: the `whisper` extra, with torch.

    transcriber = WhisperTranscriber("turbo", device="cuda")
    heard = transcriber.transcribe(Path("speech.wav"), speech, "auto")

Only speech is decoded, many chunks at once and without the text before as a prompt: neither a
silence nor an earlier mistake can lead it astray. What is doubted is tried again as
`decoding.py` says. The model is loaded at the first use and stays, for all runs of the process,
until nobody has asked it anything for `idle_seconds`.
"""

from __future__ import annotations

import importlib.util
import math
import pickle
import threading
import wave
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.speech import Word
from resources.system.extras import say_how_to_install
from resources.system.warm_model import WarmModel
from resources.transcriber.capabilities import is_english_only
from resources.transcriber.chunks import Chunk
from resources.transcriber.decoding import (
    WHISPERS_OWN,
    Attempt,
    Decoder,
    Decoding,
    LocalWhisper,
    Result,
)
from resources.transcriber.whisper_languages import CODES, whisper_codes

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from whisper import Whisper

# What the package calls its models. It would download them, which no run does.
MODELS = (
    *("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
    *("large-v1", "large-v2", "large-v3", "large", "large-v3-turbo", "turbo"),
)
SHORT_NAMES: Mapping[str, str] = {"large": "large-v3", "turbo": "large-v3-turbo"}
_FRAMES_PER_SECOND = 100
# Fewer frames than this are too few to align words with.
_LEAST_FRAMES = 20
# What a checkpoint says of itself beside its weights: (layer, head) of those that words' times
# come from. Whisper knows them of its own models by their names alone.
ALIGNMENT_HEADS = "alignment_heads"
# Decoding hangs its caches into the model, so that two at once would read each other's.
_DECODING = threading.Lock()


class WhisperTranscriber(LocalWhisper["Whisper"]):
    """Whisper of any size: a name of `MODELS` with its `checkpoint`, or a checkpoint's path.

    `device` is cuda or cpu; empty takes what there is. Raises EngineUnavailableError where the
    packages or the checkpoint are missing.
    """

    # More at once gain little and hold 100 MB each with a large model.
    batch = 8

    def __init__(
        self,
        model: str,
        device: str = "",
        decoding: Decoding = WHISPERS_OWN,
        threads: int = 0,
        idle_seconds: float = math.inf,
        checkpoint: Path | None = None,
    ) -> None:
        _refuse_missing(model)
        name = Path(model).name.removesuffix(".pt")
        engine = f"openai-whisper {version('openai-whisper')} {name}"
        super().__init__(engine, name, decoding, detects_languages=not is_english_only(model))
        self._path, self._official = (str(checkpoint), model) if checkpoint else (model, "")
        self._device, self._threads = device, threads
        self._idle_seconds = idle_seconds

    def lend_model(self) -> AbstractContextManager[Whisper]:
        which = (self._path, self._device, self._threads, self._official)
        return LOADED.lend(*which, idle_seconds=self._idle_seconds)

    def list_languages(self, model: Whisper) -> tuple[str, ...]:
        known = CODES[: model.num_languages] if model.is_multilingual else ("en",)
        return tuple(code for code, whispers in whisper_codes().items() if whispers in known)

    def make_decoder(self, model: Whisper, source: wave.Wave_read) -> Decoder:
        return TorchDecoder(model, source, self.batch)


@dataclass(frozen=True)
class TorchDecoder:
    """The package's model and one recording. A sound is encoded to (frames, state)."""

    model: Whisper
    source: wave.Wave_read
    batch: int

    @property
    def is_multilingual(self) -> bool:
        return bool(self.model.is_multilingual)

    def alone(self) -> AbstractContextManager[Any]:
        return _DECODING

    def encode(self, chunks: Sequence[Chunk]) -> list[torch.Tensor]:
        import torch

        mels = torch.stack([_mel(chunk.sound(self.source), self.model) for chunk in chunks])
        dtype = torch.float16 if self._is_half else torch.float32
        with torch.no_grad():
            features: torch.Tensor = self.model.embed_audio(mels.to(self.model.device, dtype))
        return list(features)

    def odds(self, encoded: Sequence[torch.Tensor]) -> list[dict[str, float]]:
        import torch

        _, odds = self.model.detect_language(torch.stack(list(encoded)))
        return list(odds)

    def decode(
        self, encoded: Sequence[torch.Tensor], language: str, attempt: Attempt
    ) -> list[Result]:
        import torch
        from whisper import DecodingOptions

        options = DecodingOptions(
            language=whisper_codes()[language],
            temperature=attempt.temperature,
            sample_len=attempt.longest_text,
            # Words get their times from the attention; without marks between them the model goes
            # on to the end of the chunk, where it would else stop and be asked for the rest.
            without_timestamps=True,
            fp16=self._is_half,
        )
        with torch.random.fork_rng():
            torch.manual_seed(attempt.seed)
            results = self.model.decode(torch.stack(list(encoded)), options)
        return [
            Result(each.text, each.tokens, each.avg_logprob, each.no_speech_prob)
            for each in results
        ]

    def time(
        self, chunk: Chunk, encoded: torch.Tensor, tokens: Sequence[int], language: str
    ) -> list[Word]:
        from whisper.timing import add_word_timestamps
        from whisper.tokenizer import get_tokenizer

        model, code = self.model, whisper_codes()[language]
        segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": chunk.seconds}
        segment["tokens"] = tokens
        add_word_timestamps(
            segments=[segment],
            model=_Encoded(model),
            tokenizer=get_tokenizer(
                model.is_multilingual, num_languages=model.num_languages, language=code
            ),
            mel=encoded,
            num_frames=max(round(chunk.seconds * _FRAMES_PER_SECOND), _LEAST_FRAMES),
            last_speech_timestamp=0.0,
        )
        return read_words(segment["words"])

    @property
    def _is_half(self) -> bool:
        return bool(self.model.device.type == "cuda")


class _Encoded:
    """The model for sound that is encoded already: aligning would encode it once more."""

    def __init__(self, model: Whisper) -> None:
        self.dims, self.device = model.dims, model.device
        self.decoder, self.alignment_heads = model.decoder, model.alignment_heads

    def __call__(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.decoder(tokens, features)
        return logits


def read_words(timed: Iterable[Mapping[str, Any]]) -> list[Word]:
    """Return the words that `add_word_timestamps` leaves, of this package or of another that has
    it."""
    return [
        Word(text, float(word["start"]), float(word["end"]), float(word["probability"]))
        for word in timed
        if (text := word["word"].strip())
    ]


def _mel(sound: NDArray[np.float32], model: Whisper) -> torch.Tensor:
    """Return the log-mel spectrogram (mels, 3000) of up to 30 s, made as `whisper.transcribe` makes
    it."""
    from whisper.audio import HOP_LENGTH, N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim

    mel = log_mel_spectrogram(sound, model.dims.n_mels, padding=N_SAMPLES)
    padded: torch.Tensor = pad_or_trim(mel[:, : len(sound) // HOP_LENGTH], N_FRAMES)
    return padded


def load(path: str, device: str, threads: int = 0, official: str = "") -> Whisper:
    """Load the model in a checkpoint, `official` if it is one of `MODELS`. Raises
    EngineUnavailableError."""
    import torch
    import whisper

    # A name that is no file would be downloaded.
    if not Path(path).is_file():
        raise EngineUnavailableError(
            f"There is no checkpoint {path} here, and no run downloads one. Get it with dub-admin "
            "models get, or name a file with DUB_WHISPER_MODEL."
        )
    if threads:
        torch.set_num_threads(threads)
    try:
        loaded = whisper.load_model(path, device or None)
        if official:
            loaded.set_alignment_heads(whisper._ALIGNMENT_HEADS[official])  # noqa: SLF001
        else:
            _set_heads(loaded, Path(path))
    except (OSError, RuntimeError, LookupError, TypeError, pickle.UnpicklingError) as error:
        raise EngineUnavailableError(
            f"Whisper's model {path} cannot be loaded on {device or 'this machine'}. Look at "
            "DUB_WHISPER_MODEL and DUB_WHISPER_DEVICE, and at the room in the memory.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    return loaded


# The model of this process.
LOADED = WarmModel(load)


def _set_heads(model: Whisper, path: Path) -> None:
    """Time words by the heads that the checkpoint names; by half of all where it names none."""
    import torch

    saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if heads := saved.get(ALIGNMENT_HEADS):
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
        model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
        model.to(model.device)


def _refuse_missing(model: str) -> None:
    missing = [name for name in ("whisper", "torch") if not importlib.util.find_spec(name)]
    if missing:
        raise EngineUnavailableError(
            f"DUB_TRANSCRIBER is whisper, but {' and '.join(missing)} cannot be imported. "
            + say_how_to_install("whisper")
        )
    if model not in MODELS and not Path(model).is_file():
        raise EngineUnavailableError(
            f"DUB_WHISPER_MODEL is {model!r}, which is neither the path of a checkpoint nor one of "
            f"{', '.join(MODELS)}."
        )
