"""Speech recognised by Whisper on CTranslate2: the `local` extra, without torch.

    model = models.find("whisper", "base")
    transcriber = FasterWhisperTranscriber(model.folder, model.engine, threads=2)
    heard = transcriber.transcribe(Path("speech.wav"), speech, "auto")

Of faster-whisper its model, tokens and times of words are used, and not what cuts a recording:
chunks of speech alone need a fifth of the time, and are heard better. In 8 bits on processors, in
16 on a GPU. The model is loaded at the first use and stays, for all runs of the process, until
nobody has asked it anything for `idle_seconds`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import wave
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.speech import Word
from resources.system.extras import say_how_to_install
from resources.system.warm_model import WarmModel
from resources.transcriber.chunks import Chunk
from resources.transcriber.decoding import (
    WHISPERS_OWN,
    Attempt,
    Decoder,
    Decoding,
    LocalWhisper,
    Result,
)
from resources.transcriber.whisper import read_words
from resources.transcriber.whisper_languages import whisper_codes

if TYPE_CHECKING:
    from ctranslate2 import StorageView
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

# Without one of them faster-whisper would ask a hub for it.
FILES = ("model.bin", "config.json", "tokenizer.json")
_FRAMES_PER_SECOND = 100
_LEAST_FRAMES = 20
# The token that ends a text, in the vocabulary of models that know English alone.
_ENGLISH_END = 50256
# What is written with the word before it, and with the one after it.
_OPENING, _CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


class FasterWhisperTranscriber(LocalWhisper["WhisperModel"]):
    """A converted model in a folder. `device` is cuda or cpu; empty takes what there is.

    Raises EngineUnavailableError where the packages or files of the model are missing.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        device: str = "",
        threads: int = 0,
        decoding: Decoding = WHISPERS_OWN,
        idle_seconds: float = math.inf,
    ) -> None:
        _refuse_missing(folder)
        engine = f"faster-whisper {version('faster-whisper')} {name}"
        super().__init__(engine, name, decoding, detects_languages=_knows_languages(folder))
        self._folder, self._device, self._threads = folder, device, threads
        self._idle_seconds = idle_seconds

    def lend_model(self) -> AbstractContextManager[WhisperModel]:
        return LOADED.lend(
            self._folder, self._device, self._threads, idle_seconds=self._idle_seconds
        )

    def list_languages(self, model: WhisperModel) -> tuple[str, ...]:
        if not model.model.is_multilingual:
            return ("en",)
        token = model.hf_tokenizer.token_to_id
        return tuple(
            code
            for code, whispers in whisper_codes().items()
            if token(f"<|{whispers}|>") is not None
        )

    def make_decoder(self, model: WhisperModel, source: wave.Wave_read) -> Decoder:
        return CTranslate2Decoder(model, source)


@dataclass(frozen=True)
class CTranslate2Decoder:
    """faster-whisper's model and one recording. A sound is encoded by itself."""

    model: WhisperModel
    source: wave.Wave_read
    # More at once gain nothing on a processor, and memory stays what one of them needs.
    batch: int = 1

    @property
    def is_multilingual(self) -> bool:
        return bool(self.model.model.is_multilingual)

    def alone(self) -> AbstractContextManager[Any]:
        # The library itself lets threads wait for one another.
        return contextlib.nullcontext()

    def encode(self, chunks: Sequence[Chunk]) -> list[StorageView]:
        from faster_whisper.audio import pad_or_trim

        sounds = (chunk.sound(self.source) for chunk in chunks)
        mels = (self.model.feature_extractor(sound) for sound in sounds)
        longest = self.model.feature_extractor.nb_max_frames
        return [self.model.encode(pad_or_trim(mel[..., :longest])) for mel in mels]

    def odds(self, encoded: Sequence[StorageView]) -> list[dict[str, float]]:
        told = (self.model.model.detect_language(sound)[0] for sound in encoded)
        # A language is a token of its own: <|en|>
        return [{token[2:-2]: share for token, share in shares} for shares in told]

    def decode(
        self, encoded: Sequence[StorageView], language: str, attempt: Attempt
    ) -> list[Result]:
        tokenizer = self._tokenizer(language)
        return [self._decode(sound, tokenizer, attempt) for sound in encoded]

    def _decode(self, sound: StorageView, tokenizer: Tokenizer, attempt: Attempt) -> Result:
        import ctranslate2
        from faster_whisper.transcribe import get_suppressed_tokens

        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        drawn = {"sampling_topk": 0, "sampling_temperature": attempt.temperature}
        ctranslate2.set_random_seed(attempt.seed)
        [result] = self.model.model.generate(
            sound,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + attempt.longest_text,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            **(drawn if attempt.temperature else {}),
        )
        tokens = result.sequences_ids[0]
        # As Whisper counts: the sum over the tokens and their end, for each of them.
        log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
        text = tokenizer.decode(tokens).strip()
        return Result(text, tokens, log_probability, result.no_speech_prob)

    def time(
        self, chunk: Chunk, encoded: StorageView, tokens: Sequence[int], language: str
    ) -> list[Word]:
        segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": chunk.seconds}
        segment |= {"tokens": list(tokens), "words": []}
        self.model.add_word_timestamps(
            [[segment]],
            self._tokenizer(language),
            encoded,
            max(round(chunk.seconds * _FRAMES_PER_SECOND), _LEAST_FRAMES),
            _OPENING,
            _CLOSING,
            last_speech_timestamp=0.0,
        )
        return read_words(segment["words"])

    def _tokenizer(self, language: str) -> Tokenizer:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(
            self.model.hf_tokenizer,
            self.model.model.is_multilingual,
            task="transcribe",
            language=whisper_codes()[language],
        )


def load(folder: Path, device: str, threads: int) -> WhisperModel:
    """Return a converted model. Raises EngineUnavailableError."""
    # It is read when the library is imported: nothing is ever looked for in a hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import ctranslate2
        from faster_whisper import WhisperModel

        chosen = device or ("cuda" if ctranslate2.get_cuda_device_count() else "cpu")
        return WhisperModel(
            str(folder),
            device=chosen,
            compute_type="float16" if chosen == "cuda" else "int8",
            cpu_threads=threads,
            local_files_only=True,
        )
    # The tokenizer's library has no name for its errors.
    except Exception as error:
        raise EngineUnavailableError(
            f"Whisper's model in {folder} cannot be loaded on {device or 'this machine'}. Look at "
            "DUB_WHISPER_DEVICE and at the room in the memory; dub-admin models verify tells "
            "whether its files are sound, and one that is damaged is removed and got anew.",
            detail=f"{type(error).__name__}: {error}",
        ) from error


# The model of this process.
LOADED = WarmModel(load)


def _knows_languages(folder: Path) -> bool:
    """Whether the model knows more than English: then the end of a text has another number."""
    try:
        said = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise EngineUnavailableError(
            f"{folder / 'config.json'} cannot be read. dub-admin models verify tells whether the "
            "model's files are sound.",
            detail=str(error),
        ) from error
    return _ENGLISH_END not in said.get("suppress_ids_begin", ())


def _refuse_missing(folder: Path) -> None:
    if not importlib.util.find_spec("faster_whisper"):
        raise EngineUnavailableError(
            "DUB_TRANSCRIBER is faster-whisper, but its package cannot be imported. "
            + say_how_to_install("local")
        )
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise EngineUnavailableError(
            f"The Whisper model in {folder} lacks {' and '.join(missing)}. A model for "
            "faster-whisper is a folder that CTranslate2's converter made, with its tokenizer.json."
        )
