"""The transcriber: who says what when.

    heard = transcriber.transcribe(Path("speech.wav"), speech, "en")
    heard = listen(Path("speech.wav"), speech, "en", Path("video.srt"), transcriber)

Captions that came with the video are used when they fit the speech found in it; `listen`
decides. The next engine is tested by adding it to `tests/contracts/test_transcriber.py`.
"""

from __future__ import annotations

import json
import os
import sys
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import numpy as np

from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.core.speech import Heard, Segment, Span, Word
from resources.captions import captions_are_good, read_captions
from resources.vad import RATE, open_speech
from resources.warm_pipeline import WarmPipeline


class Transcriber(Protocol):
    """Recognises speech. `engine` names it and its version, for receipts."""

    engine: str

    def languages(self) -> tuple[str, ...]:
        """The language codes it understands."""
        ...

    def transcribe(self, audio: Path, speech: Sequence[Span], language: str) -> Heard:
        """The words in a 16 kHz mono WAV, with times; only within `speech`, where a voice is.

        Raises LanguageNotAvailableError for a language it does not know.
        """
        ...


def listen(
    audio: Path,
    speech: Sequence[Span],
    language: str,
    captions: Path | None,
    transcriber: Transcriber,
) -> Heard:
    """The captions' words when they are good, else the transcriber's; `why` says which.

    Raises LanguageNotAvailableError when the captions are no use and the transcriber does not
    know the language.
    """
    why = "No captions came with the video."
    if captions is not None:
        heard = read_captions(captions, language)
        good, why = captions_are_good(heard, speech)
        if good:
            return replace(heard, why=why)
    try:
        return replace(transcriber.transcribe(audio, speech, language), why=why)
    except LanguageNotAvailableError as error:
        raise LanguageNotAvailableError(f"{error.sentence} {why}") from error


class PocketsphinxTranscriber:
    """English, offline, at about a sixth of real time per core.

    Each span of speech is decoded as one utterance: pocketsphinx's own endpointer fails under
    music. A line's onset is its first word's, within 45 ms of the truth under a music bed.
    """

    # Longer utterances cost more than their share and gain nothing.
    longest = 15.0
    shortest = 5.0
    # The first phone is heard better with the breath before it; more lets music in as words.
    padding = 0.1
    # A decoder holds 100 MB.
    most_processes = 8
    _deadline = 120.0

    def __init__(self) -> None:
        self.engine = f"pocketsphinx {version('pocketsphinx')}"

    def languages(self) -> tuple[str, ...]:
        return ("en",)

    def transcribe(self, audio: Path, speech: Sequence[Span], language: str) -> Heard:
        if language not in self.languages():
            raise LanguageNotAvailableError(
                f"The recogniser pocketsphinx understands English only, not {language!r}: "
                "hand in captions (.srt or .vtt) in that language with the video."
            )
        with open_speech(audio) as source:
            pieces = [list(self._pieces(source, span)) for span in speech]
        words = iter(self._decoded(audio, [piece for span in pieces for piece in span]))
        segments = []
        for span, parts in zip(speech, pieces, strict=True):
            heard = [word for _ in parts for word in next(words)]
            segments.append(Segment(tuple(_within(span, heard))))
        found = tuple(segment for segment in segments if segment.words)
        return Heard(language, self.engine, found)

    def _pieces(self, source: wave.Wave_read, span: Span) -> Iterator[Span]:
        """The span padded, and cut where it is quietest if it is too long to decode at once."""
        start, end = max(0.0, span.start - self.padding), span.end + self.padding
        while end - start > self.longest:
            last = min(start + self.longest, end - 1.0)
            cut = _quietest(source, Span(start + self.shortest, last))
            yield Span(start, cut)
            start = cut
        yield Span(start, end)

    def _decoded(self, audio: Path, pieces: Sequence[Span]) -> list[list[Word]]:
        """The words of each piece. The processes end with this call."""
        count = min(len(pieces), len(os.sched_getaffinity(0)), self.most_processes)
        if not count:
            return []
        decoders = [_decoder(audio) for _ in range(count)]
        free: SimpleQueue[WarmPipeline] = SimpleQueue()
        for decoder in decoders:
            free.put(decoder)

        def decode(piece: Span) -> list[Word]:
            decoder = free.get()
            try:
                return _heard(decoder, piece, self._deadline)
            finally:
                free.put(decoder)

        try:
            with ThreadPoolExecutor(count) as threads:
                return list(threads.map(decode, pieces))
        finally:
            for decoder in decoders:
                decoder.close()


def _decoder(audio: Path) -> WarmPipeline:
    program = Path(__file__).with_name("sphinx_process.py")
    command = [sys.executable, "-I", str(program), str(audio.absolute())]
    return WarmPipeline("pocketsphinx", [command], end=b"\n")


def _heard(decoder: WarmPipeline, piece: Span, seconds: float) -> list[Word]:
    question = json.dumps({"start": piece.start, "end": piece.end})
    answer = json.loads(decoder.ask(question.encode(), seconds=seconds))
    return [Word(*word) for word in answer["words"]]


def _within(span: Span, words: Sequence[Word]) -> Iterator[Word]:
    """The words held inside the speech found; one heard only beside it is no word."""
    for word in words:
        start, end = max(word.start, span.start), min(word.end, span.end)
        if start < end:
            yield replace(word, start=start, end=end)


def _quietest(source: wave.Wave_read, span: Span) -> float:
    """The middle of the quietest fifth of a second in the span."""
    source.setpos(round(span.start * RATE))
    samples = np.frombuffer(source.readframes(round(span.seconds * RATE)), "<i2")
    energy = np.cumsum(np.square(samples, dtype=np.float64))
    width = RATE // 5
    return span.start + float(np.argmin(energy[width:] - energy[:-width]) + width / 2) / RATE
