"""What every engine that runs Whisper does alike: chunks, doubts, languages, another try.

    class NextTranscriber(LocalWhisper[NextModel]):
        def lend_model(self) -> AbstractContextManager[NextModel]: ...
        def list_languages(self, model: NextModel) -> tuple[str, ...]: ...
        def make_decoder(self, model: NextModel, source: wave.Wave_read) -> Decoder: ...

A `Decoder` is one library with one model and one recording, and a `Listener` makes words of what
it answers. A chunk that is doubted is decoded again by its pieces, and then at higher temperatures;
what is still doubted is left out or marked.
"""

from __future__ import annotations

import wave
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from dub_platform.core.errors import EngineFailedError, LanguageNotAvailableError
from dub_platform.core.languages import AUTO
from dub_platform.core.languages import language as language_named
from dub_platform.core.speech import Heard, Span, Word
from resources.media.vad import open_speech
from resources.transcriber.chunks import Chunk, cut, pack
from resources.transcriber.doubts import CUT_OFF, SILENCE, Doubt, Doubts, Finding, keep_trusted
from resources.transcriber.whisper_languages import whisper_codes

M = TypeVar("M")

# So sure it has to be of another language than the one that was named.
SURE = 0.9
# A language that less than this much speech told with less certainty may be any other.
_ENOUGH_SECONDS, _ENOUGH_CERTAIN = 5.0, 0.6
# More than these chunks tell a language no better.
_MOST_TOLD = 8


@dataclass(frozen=True)
class Decoding:
    """How Whisper decodes: what it doubts at one temperature is tried at the next.

    `longest_text` is in tokens, at most half of what the model reads.
    """

    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    longest_text: int = 224
    doubts: Doubts = field(default_factory=Doubts)


WHISPERS_OWN = Decoding()


@dataclass(frozen=True)
class Result:
    """What a decoder made of a chunk: text, tokens, and what it says of both."""

    text: str
    tokens: Sequence[int]
    log_probability: float
    no_speech: float


@dataclass(frozen=True)
class Attempt:
    """How a sound is decoded once: what is drawn by chance is drawn by `seed`."""

    temperature: float
    longest_text: int
    seed: int = 0


class Decoder(Protocol):
    """A library that runs Whisper. What it encodes is of its own kind, and goes back to it."""

    @property
    def batch(self) -> int:
        """How many chunks it decodes together."""
        ...

    @property
    def is_multilingual(self) -> bool:
        """Whether the model knows more than English."""
        ...

    def alone(self) -> AbstractContextManager[Any]:
        """Keep other threads from the model, where it is not made for several."""
        ...

    def encode(self, chunks: Sequence[Chunk]) -> Sequence[Any]:
        """Return the chunks' sounds as the decoder attends to them, one for each."""
        ...

    def odds(self, encoded: Sequence[Any]) -> list[dict[str, float]]:
        """Tell how probable each of Whisper's languages is, for each sound."""
        ...

    def decode(self, encoded: Sequence[Any], language: str, attempt: Attempt) -> list[Result]:
        """Return the text of each sound."""
        ...

    def time(self, chunk: Chunk, encoded: Any, tokens: Sequence[int], language: str) -> list[Word]:
        """Return the words of the tokens, in the chunk's time."""
        ...


@dataclass(frozen=True)
class Decoded:
    """A chunk with what the model made of it."""

    chunk: Chunk
    encoded: Any
    result: Result
    doubt: Doubt | None

    @property
    def can_be_parted(self) -> bool:
        """Whether its pieces can be tried by themselves."""
        return self.doubt is not None and len(self.chunk.pieces) > 1


@dataclass(frozen=True)
class Listener:
    """One model that listens to one recording."""

    decoder: Decoder
    decoding: Decoding

    def hear(self, chunks: Iterator[Chunk], language: str, engine: str) -> Heard:
        """Hear all that is said in the chunks, in a language or in the one that is heard."""
        first = list(islice(chunks, _MOST_TOLD))
        told = other = ""
        if language == AUTO:
            language, share = self.tell_language(first)
            told = f"Its language was recognised as {language}, with {share:.0%} certainty."
        elif first:
            # Told to hear one language, it writes down another as if it were that one.
            heard, share = self.tell_language(first[:1])
            other = heard if heard != language and share >= SURE else ""
        batches = batch_chunks(chain(first, chunks), self.decoder.batch)
        kept, left_out = keep_trusted(
            found for batch in batches for found in self.findings(batch, language)
        )
        return Heard(
            language,
            engine,
            kept,
            why=f"{told} {left_out}".strip(),
            least_confidence=self.decoding.doubts.least_confidence,
            other_language=other,
        )

    def tell_language(self, chunks: Sequence[Chunk]) -> tuple[str, float]:
        """Tell the language spoken in the chunks, and how probable it is.

        By the first of them, and by the next ones as long as too little speech leaves it open.
        """
        if not self.decoder.is_multilingual:
            return "en", 1.0
        odds: list[dict[str, float]] = []
        seconds, language, share = 0.0, "en", 0.0
        for chunk in chunks:
            with self.decoder.alone():
                odds += self.decoder.odds(self.decoder.encode([chunk]))
            seconds += chunk.seconds
            shares = {code: sum(each[code] for each in odds) / len(odds) for code in odds[0]}
            best = max(shares, key=shares.__getitem__)
            language, share = language_named(best).code, shares[best]
            if seconds >= _ENOUGH_SECONDS and share >= _ENOUGH_CERTAIN:
                break
        return language, share

    def findings(self, chunks: Sequence[Chunk], language: str) -> list[Finding]:
        """Find what is said in the chunks, which are decoded together, in no order."""
        with self.decoder.alone():
            decoded = self.decode(chunks, language)
            whole = [
                self._decode_again(each, language) for each in decoded if not each.can_be_parted
            ]
            found = [finding for each in whole for finding in self._time_words(each, language)]
        parts = [
            Chunk((piece,)) for each in decoded if each.can_be_parted for piece in each.chunk.pieces
        ]
        for batch in batch_chunks(parts, self.decoder.batch):
            found += self.findings(batch, language)
        return found

    def decode(self, chunks: Sequence[Chunk], language: str) -> list[Decoded]:
        """Decode the chunks at the first temperature."""
        encoded = self.decoder.encode(chunks)
        results = self.decoder.decode(encoded, language, self._make_attempt(0))
        return [
            Decoded(chunk, sound, result, self._find_doubt(result))
            for chunk, sound, result in zip(chunks, encoded, results, strict=True)
        ]

    def _make_attempt(self, number: int) -> Attempt:
        # The same recording gives the same words, whatever was decoded before it.
        temperature = self.decoding.temperatures[number]
        return Attempt(temperature, self.decoding.longest_text, seed=number)

    def _decode_again(self, decoded: Decoded, language: str) -> Decoded:
        """Decode a doubted chunk again, up to the first temperature that gives no doubt."""
        if decoded.doubt in (None, SILENCE):
            return decoded
        for number in range(1, len(self.decoding.temperatures)):
            [result] = self.decoder.decode([decoded.encoded], language, self._make_attempt(number))
            if not self._find_doubt(result):
                return replace(decoded, result=result, doubt=None)
        return decoded

    def _time_words(self, decoded: Decoded, language: str) -> Iterator[Finding]:
        """Yield the words of each piece, with the times that the model's attention gives them."""
        if decoded.doubt and decoded.doubt.is_useless:
            yield from (Finding(piece, [], decoded.doubt) for piece in decoded.chunk.pieces)
            return
        tokens = decoded.result.tokens
        words = self.decoder.time(decoded.chunk, decoded.encoded, tokens, language)
        for piece, found in decoded.chunk.place(words):
            yield Finding(piece, found, decoded.doubt)

    def _find_doubt(self, result: Result) -> Doubt | None:
        doubt = self.decoding.doubts.about(
            result.text, log_probability=result.log_probability, no_speech=result.no_speech
        )
        is_full = len(result.tokens) >= self.decoding.longest_text
        return doubt or (CUT_OFF if is_full else None)


class LocalWhisper(ABC, Generic[M]):
    """Whisper on this machine, by a library whose models are of the type `M`.

    The model is lent while it listens, and is loaded or let go elsewhere.
    """

    # Whisper sees 30 s at a time.
    longest = 28.0
    shortest = 20.0

    def __init__(
        self, engine: str, model_name: str, decoding: Decoding, *, detects_languages: bool
    ) -> None:
        self.engine = engine
        self.detects_languages = detects_languages
        self._model_name = model_name
        self._decoding = decoding

    @abstractmethod
    def lend_model(self) -> AbstractContextManager[M]:
        """Lend the loaded model. Raises EngineUnavailableError."""

    @abstractmethod
    def list_languages(self, model: M) -> tuple[str, ...]:
        """List the codes that a loaded model knows: large-v3 knows one more than others."""

    @abstractmethod
    def make_decoder(self, model: M, source: wave.Wave_read) -> Decoder:
        """Make the decoder of one recording with a loaded model."""

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(whisper_codes())) if self.detects_languages else ("en",)

    def transcribe(
        self,
        audio: Path,
        speech: Sequence[Span],
        language: str,
        video_id: str = "",  # noqa: ARG002 - it is free
    ) -> Heard:
        # What no model knows is refused before one is loaded, which takes seconds.
        self._refuse_unknown(language, self.languages())
        if not speech:
            return Heard(language, self.engine, ())
        with self.lend_model() as model:
            self._refuse_unknown(language, self.list_languages(model))
            with open_speech(audio) as source, _translate_errors():
                pieces = cut(source, speech, shortest=self.shortest, longest=self.longest)
                listener = Listener(self.make_decoder(model, source), self._decoding)
                return listener.hear(pack(pieces, self.longest), language, self.engine)

    def _refuse_unknown(self, language: str, known: Sequence[str]) -> None:
        """Raise LanguageNotAvailableError for a language that is not known."""
        if language not in (AUTO, *known):
            raise LanguageNotAvailableError(
                f"Whisper's model {self._model_name} does not understand {language!r}. Choose "
                "another model with DUB_WHISPER_MODEL, or hand in captions (.srt or .vtt) in that "
                "language with the video."
            )


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise EngineFailedError for a library's RuntimeError, which also means too little memory."""
    try:
        yield
    except RuntimeError as error:
        raise EngineFailedError(
            "Whisper failed while it listened. If the memory of the device was too small, choose a "
            "smaller DUB_WHISPER_MODEL; then ask for the video again.",
            detail=str(error),
        ) from error


def batch_chunks(chunks: Iterable[Chunk], size: int) -> Iterator[list[Chunk]]:
    """Yield the chunks, so many at a time."""
    rest = iter(chunks)
    while batch := list(islice(rest, size)):
        yield batch
