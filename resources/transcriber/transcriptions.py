"""What comes back from `POST /audio/transcriptions`, of OpenAI or a server that speaks its API.

    answer = Transcription.read(body)              # raises ValueError
    for finding in answer.findings(chunk, Doubts()):
        ...

Servers differ: words with times come without punctuation, some give times to segments only, and
OpenAI's newer models give none at all. What has no time of its own is spread over what has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby

import langcodes
from pydantic import BaseModel, ConfigDict, ValidationError

from dub_platform.core.speech import Span, Word
from dub_platform.core.text.words import spread
from resources.transcriber.chunks import Chunk
from resources.transcriber.doubts import LOOP, SILENCE, UNSURE, Doubt, Doubts, Finding, certainty
from resources.transcriber.text_language import text_languages

_BY_REASON: Mapping[str, Doubt] = {doubt.reason: doubt for doubt in (LOOP, SILENCE, UNSURE)}


class _Part(BaseModel):
    """Servers leave out what they do not know, or say that it is null."""

    model_config = ConfigDict(allow_inf_nan=False)


class _TimedWord(_Part):
    word: str
    start: float
    end: float


class _TimedText(_Part):
    text: str
    start: float
    end: float
    avg_logprob: float | None = None
    no_speech_prob: float | None = None

    def doubt(self, doubts: Doubts) -> str:
        found = doubts.about(
            self.text,
            log_probability=self.avg_logprob or 0.0,
            no_speech=self.no_speech_prob or 0.0,
        )
        return found.reason if found else ""


class _SpokenLanguage(_Part):
    code: str


class Transcription(_Part):
    """The text of a chunk, with as many times as the server gives. Times are the chunk's own."""

    text: str
    language: str | None = None
    languages: list[_SpokenLanguage] | None = None
    segments: list[_TimedText] | None = None
    words: list[_TimedWord] | None = None

    @classmethod
    def read(cls, body: bytes) -> Transcription:
        """Read the answer in this body. Raises ValueError, in words for people."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            raise ValueError("it is not a transcription") from None

    def to_bytes(self) -> bytes:
        """Write what `read` reads again."""
        return self.model_dump_json(exclude_none=True).encode()

    def tell_language(self) -> str | None:
        """Tell the code of its language: as the server names it, or else as the text shows."""
        named = self.language or (self.languages[0].code if self.languages else "")
        if named:
            return _find_code(named)
        return next(iter(text_languages(self.text))) if self.text.strip() else None

    def findings(self, chunk: Chunk, doubts: Doubts) -> Iterator[Finding]:
        """Yield its words in the recording's time, parted by what is to be said against them."""
        for piece, words in chunk.place(self._words(chunk.seconds, doubts)):
            for reason, group in groupby(words, key=lambda word: word.doubt):
                yield Finding(piece, list(group), _BY_REASON.get(reason))

    def _words(self, seconds: float, doubts: Doubts) -> list[Word]:
        texts = self.segments or [_TimedText(text=self.text, start=0.0, end=seconds)]
        if not self.words:
            return [word for text in texts for word in _spread(text, doubts)]
        words = [Word(each.word.strip(), each.start, each.end) for each in self.words]
        return list(_mark_doubted(_punctuate(self.text, words), texts, doubts))


def _find_code(named: str) -> str | None:
    """Find a language's code: OpenAI writes languages out, in lower case; others give codes."""
    try:
        return langcodes.standardize_tag(named if len(named) < 4 else str(langcodes.find(named)))
    except (LookupError, ValueError):
        return None


def _spread(text: _TimedText, doubts: Doubts) -> list[Word]:
    words = spread(text.text.split(), Span(text.start, max(text.start, text.end)))
    doubt, sure = text.doubt(doubts), certainty(text.avg_logprob)
    return [replace(word, doubt=doubt, confidence=sure) for word in words]


def _mark_doubted(words: list[Word], texts: list[_TimedText], doubts: Doubts) -> Iterator[Word]:
    """Yield the words, each with the doubt about the text that it lies in, and how sure that is."""
    about = [(text.start, text.doubt(doubts), certainty(text.avg_logprob)) for text in texts]
    for word in words:
        middle = (word.start + word.end) / 2
        before = [each for each in about if each[0] <= middle] or about[:1]
        _, doubt, sure = before[-1]
        yield replace(word, doubt=doubt, confidence=sure)


def _punctuate(text: str, words: list[Word]) -> list[Word]:
    """Give words the capitals and marks of the text, where both have the same letters."""
    owners = [number for number, word in enumerate(words) for char in word.text if char.isalnum()]
    letters = "".join(filter(str.isalnum, text))
    said = "".join(char for word in words for char in word.text if char.isalnum())
    if len(said) != len(letters) or said.casefold() != letters.casefold():
        return words
    written = [""] * len(words)
    for number, part in _part_text(text, iter(owners)):
        written[number] += part
    return [replace(word, text=part) for part, word in zip(written, words, strict=True) if part]


def _part_text(text: str, owners: Iterator[int]) -> Iterator[tuple[int, str]]:
    """Yield each letter with its word's number; marks go with the letter before them, if any.

    A mark that stands alone is no word's.
    """
    for run in text.split():
        number, opening = None, ""
        for char in run:
            number = next(owners) if char.isalnum() else number
            if number is None:
                opening += char
            else:
                yield number, opening + char
                opening = ""
