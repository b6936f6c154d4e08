"""Speech recognised by OpenAI's Whisper on this machine: the `whisper` extra, with torch.

    transcriber = WhisperTranscriber("turbo", device="cuda")
    heard = transcriber.transcribe(Path("speech.wav"), speech, "auto")

Only speech is decoded, many chunks at once and without the text before as a prompt: neither a
silence nor an earlier mistake can lead it astray. A chunk that Whisper doubts is decoded again
by its pieces, and then at higher temperatures; what is still doubted is left out or marked. The
model is loaded at the first use and stays, for all runs of the process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import threading
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dub_platform.core.errors import (
    EngineFailedError,
    EngineUnavailableError,
    LanguageNotAvailableError,
)
from dub_platform.core.languages import AUTO
from dub_platform.core.languages import language as language_named
from dub_platform.core.speech import Heard, Span, Word
from resources.media.vad import open_speech
from resources.transcriber.chunks import Chunk, cut, packed
from resources.transcriber.doubts import CUT_OFF, SILENCE, Doubt, Doubts, Finding, trusted
from resources.transcriber.whisper_languages import CODES, whisper_codes

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from whisper import DecodingOptions, DecodingResult, Whisper

# Those that the package downloads by name.
MODELS = (
    *("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
    *("large-v1", "large-v2", "large-v3", "large", "large-v3-turbo", "turbo"),
)
# So sure it has to be of another language than the one that was named.
SURE = 0.9
_FRAMES_PER_SECOND = 100
# Fewer frames than this are too few to align words with.
_LEAST_FRAMES = 20
_LOADING = threading.Lock()
# Decoding hangs its caches into the model, so that two at once would read each other's.
_DECODING = threading.Lock()


@dataclass(frozen=True)
class Decoding:
    """How Whisper decodes: what it doubts at one temperature is tried at the next.

    `longest_text` is in tokens, at most half of what the model reads.
    """

    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    longest_text: int = 224
    doubts: Doubts = field(default_factory=Doubts)


WHISPERS_OWN = Decoding()


class WhisperTranscriber:
    """Whisper of any size: a name of `MODELS`, or a checkpoint's path.

    `device` is cuda or cpu; empty takes what there is. Raises EngineUnavailableError where the
    packages or the checkpoint are missing.
    """

    # Whisper sees 30 s at a time.
    longest = 28.0
    shortest = 20.0
    # More at once gain little and hold 100 MB each with a large model.
    batch = 8

    def __init__(self, model: str, device: str = "", decoding: Decoding = WHISPERS_OWN) -> None:
        _refuse_missing(model)
        self.name = _named(model)
        self.detects_languages = detects_languages(model)
        self.engine = f"openai-whisper {version('openai-whisper')} {self.name}"
        self._model = model
        self._device = device
        self._decoding = decoding

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(whisper_codes())) if self.detects_languages else ("en",)

    def transcribe(
        self,
        audio: Path,
        speech: Sequence[Span],
        language: str,
        video_id: str = "",  # noqa: ARG002 - it is free
    ) -> Heard:
        if language not in (AUTO, *self.languages()):
            raise self._not_understood(language)
        if not speech:
            return Heard(language, self.engine, ())
        model = _loaded(self._model, self._device)
        if language not in (AUTO, *_languages_of(model)):
            raise self._not_understood(language)
        with open_speech(audio) as source, _failing():
            pieces = cut(source, speech, shortest=self.shortest, longest=self.longest)
            chunks = packed(pieces, self.longest)
            return self._heard(_Listener(model, source, self._decoding), chunks, language)

    def _heard(self, listener: _Listener, chunks: Iterator[Chunk], language: str) -> Heard:
        first = list(islice(chunks, self.batch))
        told = other = ""
        if language == AUTO:
            language, share = listener.language_of(first)
            told = f"Its language was recognised as {language}, with {share:.0%} certainty."
        elif first:
            # Told to hear one language, it writes down another as if it were that one.
            heard, share = listener.language_of(first[:1])
            other = heard if heard != language and share >= SURE else ""
        batches = chain([first], _batches(chunks, self.batch))
        findings = (found for batch in batches for found in listener.findings(batch, language))
        kept, left_out = trusted(findings)
        return Heard(
            language,
            self.engine,
            kept,
            why=f"{told} {left_out}".strip(),
            least_confidence=self._decoding.doubts.least_confidence,
            other_language=other,
        )

    def _not_understood(self, language: str) -> LanguageNotAvailableError:
        return LanguageNotAvailableError(
            f"Whisper's model {self.name} does not understand {language!r}. Choose another model "
            "with DUB_WHISPER_MODEL, or hand in captions (.srt or .vtt) in that language with the "
            "video."
        )


def detects_languages(model: str) -> bool:
    """Whether this model knows more than one: those whose names end with .en know English only."""
    return not _named(model).endswith(".en")


def _named(model: str) -> str:
    return Path(model).name.removesuffix(".pt")


@dataclass(frozen=True)
class _Decoded:
    """What the model made of a chunk; `features` is the encoded sound, (frames, state)."""

    chunk: Chunk
    features: torch.Tensor
    result: DecodingResult
    doubt: Doubt | None

    @property
    def can_be_parted(self) -> bool:
        return self.doubt is not None and len(self.chunk.pieces) > 1


@dataclass(frozen=True)
class _Listener:
    """One model that listens to one recording."""

    model: Whisper
    source: wave.Wave_read
    decoding: Decoding

    def language_of(self, chunks: Sequence[Chunk]) -> tuple[str, float]:
        """The language spoken in the chunks, and how probable it is."""
        if not self.model.is_multilingual:
            return "en", 1.0
        with _DECODING:
            _, odds = self.model.detect_language(self._encoded(chunks))
        shares = {code: sum(each[code] for each in odds) / len(odds) for code in odds[0]}
        best = max(shares, key=shares.__getitem__)
        return language_named(best).code, shares[best]

    def findings(self, chunks: Sequence[Chunk], language: str) -> list[Finding]:
        """What is said in the chunks, which are decoded together, in no order."""
        with _DECODING:
            decoded = self._decoded(chunks, language)
            whole = [self._surer(each, language) for each in decoded if not each.can_be_parted]
            found = [finding for each in whole for finding in self._timed(each, language)]
        parts = [
            Chunk((piece,)) for each in decoded if each.can_be_parted for piece in each.chunk.pieces
        ]
        for batch in _batches(parts, len(chunks)):
            found += self.findings(batch, language)
        return found

    def _decoded(self, chunks: Sequence[Chunk], language: str) -> list[_Decoded]:
        encoded = self._encoded(chunks)
        results = self.model.decode(encoded, self._options(language, self.decoding.temperatures[0]))
        return [
            _Decoded(chunk, features, result, self._doubt(result))
            for chunk, features, result in zip(chunks, encoded, results, strict=True)
        ]

    def _surer(self, decoded: _Decoded, language: str) -> _Decoded:
        """The same chunk at the first temperature that gives no doubt, if there is one."""
        import torch

        if decoded.doubt in (None, SILENCE):
            return decoded
        # The same recording gives the same words, whatever was decoded before it.
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for temperature in self.decoding.temperatures[1:]:
                options = self._options(language, temperature)
                result = self.model.decode(decoded.features, options)
                if not self._doubt(result):
                    return replace(decoded, result=result, doubt=None)
        return decoded

    def _timed(self, decoded: _Decoded, language: str) -> Iterator[Finding]:
        """The words of each piece, with the times that the model's attention gives them."""
        if decoded.doubt and decoded.doubt.is_useless:
            yield from (Finding(piece, [], decoded.doubt) for piece in decoded.chunk.pieces)
            return
        words = _aligned(self.model, decoded, whisper_codes()[language])
        for piece, found in decoded.chunk.placed(words):
            yield Finding(piece, found, decoded.doubt)

    def _encoded(self, chunks: Sequence[Chunk]) -> torch.Tensor:
        """The chunks as the decoder attends to them: (chunks, frames, state)."""
        import torch

        mels = torch.stack([_mel(chunk.sound(self.source), self.model) for chunk in chunks])
        dtype = torch.float16 if self._is_half else torch.float32
        with torch.no_grad():
            features: torch.Tensor = self.model.embed_audio(mels.to(self.model.device, dtype))
        return features

    def _options(self, language: str, temperature: float) -> DecodingOptions:
        from whisper import DecodingOptions

        return DecodingOptions(
            language=whisper_codes()[language],
            temperature=temperature,
            sample_len=self.decoding.longest_text,
            # Words get their times from the attention; without marks between them the model goes
            # on to the end of the chunk, where it would else stop and be asked for the rest.
            without_timestamps=True,
            fp16=self._is_half,
        )

    @property
    def _is_half(self) -> bool:
        return bool(self.model.device.type == "cuda")

    def _doubt(self, result: DecodingResult) -> Doubt | None:
        doubt = self.decoding.doubts.about(
            result.text,
            log_probability=result.avg_logprob,
            no_speech=result.no_speech_prob,
        )
        is_full = len(result.tokens) >= self.decoding.longest_text
        return doubt or (CUT_OFF if is_full else None)


class _Encoded:
    """The model for sound that is encoded already: aligning would encode it once more."""

    def __init__(self, model: Whisper) -> None:
        self.dims, self.device = model.dims, model.device
        self.decoder, self.alignment_heads = model.decoder, model.alignment_heads

    def __call__(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.decoder(tokens, features)
        return logits


def _aligned(model: Whisper, decoded: _Decoded, code: str) -> list[Word]:
    """The words in the chunk's time."""
    from whisper.timing import add_word_timestamps
    from whisper.tokenizer import get_tokenizer

    segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": decoded.chunk.seconds}
    segment["tokens"] = decoded.result.tokens
    add_word_timestamps(
        segments=[segment],
        model=_Encoded(model),
        tokenizer=get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=code
        ),
        mel=decoded.features,
        num_frames=max(round(decoded.chunk.seconds * _FRAMES_PER_SECOND), _LEAST_FRAMES),
        last_speech_timestamp=0.0,
    )
    return [
        Word(text, float(word["start"]), float(word["end"]), float(word["probability"]))
        for word in segment["words"]
        if (text := word["word"].strip())
    ]


def _mel(sound: NDArray[np.float32], model: Whisper) -> torch.Tensor:
    """The log-mel spectrogram (mels, 3000) of up to 30 s, made as `whisper.transcribe` makes it."""
    from whisper.audio import HOP_LENGTH, N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim

    mel = log_mel_spectrogram(sound, model.dims.n_mels, padding=N_SAMPLES)
    padded: torch.Tensor = pad_or_trim(mel[:, : len(sound) // HOP_LENGTH], N_FRAMES)
    return padded


def _batches(chunks: Iterable[Chunk], size: int) -> Iterator[list[Chunk]]:
    rest = iter(chunks)
    while batch := list(islice(rest, size)):
        yield batch


def _languages_of(model: Whisper) -> tuple[str, ...]:
    """The languages of a loaded model: large-v3 knows one more than those before it."""
    known = CODES[: model.num_languages] if model.is_multilingual else ("en",)
    return tuple(code for code, whispers in whisper_codes().items() if whispers in known)


def _loaded(model: str, device: str) -> Whisper:
    # Two threads that ask at once would otherwise load it twice.
    with _LOADING:
        return _loaded_model(model, device)


@lru_cache(maxsize=1)
def _loaded_model(model: str, device: str) -> Whisper:
    """The model, downloaded if it is one of `MODELS`. Raises EngineUnavailableError."""
    import whisper

    try:
        return whisper.load_model(model, device or None)
    except (OSError, RuntimeError, LookupError, TypeError, pickle.UnpicklingError) as error:
        raise EngineUnavailableError(
            f"Whisper's model {model} cannot be loaded on {device or 'this machine'}. Look at "
            "DUB_WHISPER_MODEL and DUB_WHISPER_DEVICE, at the room on the disk and in the memory, "
            "and, for a model that is downloaded, at the connection.",
            detail=f"{type(error).__name__}: {error}",
        ) from error


def _refuse_missing(model: str) -> None:
    missing = [name for name in ("whisper", "torch") if not importlib.util.find_spec(name)]
    if missing:
        raise EngineUnavailableError(
            f"DUB_TRANSCRIBER is whisper, but {' and '.join(missing)} cannot be imported. Install "
            "the extra: pip install 'dub-platform[whisper]'."
        )
    if model not in MODELS and not Path(model).is_file():
        raise EngineUnavailableError(
            f"DUB_WHISPER_MODEL is {model!r}, which is neither the path of a checkpoint nor one of "
            f"{', '.join(MODELS)}."
        )


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Wraps torch's errors; it has the one kind for all, also for too little memory."""
    try:
        yield
    except RuntimeError as error:
        raise EngineFailedError(
            "Whisper failed while it listened. If the memory of the device was too small, choose a "
            "smaller DUB_WHISPER_MODEL; then ask for the video again.",
            detail=str(error),
        ) from error
