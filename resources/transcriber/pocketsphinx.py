"""pocketsphinx: the recogniser that needs no account and no download.

heard = PocketsphinxTranscriber().transcribe(Path("speech.wav"), speech, "en")
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import SimpleQueue

from dub_platform.core.errors import EngineUnavailableError, LanguageNotAvailableError
from dub_platform.core.speech import Heard, Span, Word
from resources.media.vad import open_speech
from resources.system.extras import say_how_to_install
from resources.system.programs import helper, patience, tie_to_parent
from resources.system.warm_pipeline import WarmPipeline
from resources.transcriber.chunks import Piece, cut, segments


class PocketsphinxTranscriber:
    """English, offline, at about a sixth of real time per core.

    Each span of speech is decoded as one utterance: pocketsphinx's own endpointer fails under
    music. A line's onset is its first word's, within 45 ms of the truth under a music bed.
    Raises EngineUnavailableError where the package is missing.
    """

    detects_languages = False
    # Longer utterances cost more than their share and gain nothing.
    longest = 15.0
    shortest = 5.0
    # A decoder holds 100 MB.
    most_processes = 8
    # So sure it is at most of many words that are of another language, and the fewer they are the
    # more by chance (docs/adr/0037-what-was-heard-is-doubted.md).
    most_by_chance, chance_of_one = 0.41, 0.3

    def __init__(self) -> None:
        self.engine = f"pocketsphinx {_version()}"

    def languages(self) -> tuple[str, ...]:
        return ("en",)

    def transcribe(
        self,
        audio: Path,
        speech: Sequence[Span],
        language: str,
        video_id: str = "",  # noqa: ARG002 - it is free
    ) -> Heard:
        if language not in self.languages():
            raise LanguageNotAvailableError(
                f"The recogniser pocketsphinx understands English only, not {language!r}: "
                "hand in captions (.srt or .vtt) in that language with the video."
            )
        with open_speech(audio) as source:
            pieces = list(cut(source, speech, shortest=self.shortest, longest=self.longest))
        heard = zip(pieces, self._decode(audio, pieces), strict=True)
        found = segments((piece, list(_fit_into(piece.speech, words))) for piece, words in heard)
        count = sum(len(segment.words) for segment in found)
        least = self.most_by_chance + self.chance_of_one / math.sqrt(max(count, 1))
        return Heard(language, self.engine, found, least_confidence=least)

    def _decode(self, audio: Path, pieces: Sequence[Piece]) -> list[list[Word]]:
        """Return the words of each piece. The processes end with this call."""
        count = min(len(pieces), len(os.sched_getaffinity(0)), self.most_processes)
        if not count:
            return []
        decoders = [_make_decoder(audio) for _ in range(count)]
        free: SimpleQueue[WarmPipeline] = SimpleQueue()
        for decoder in decoders:
            free.put(decoder)

        def decode(piece: Piece) -> list[Word]:
            decoder = free.get()
            try:
                return _hear(decoder, piece)
            finally:
                free.put(decoder)

        try:
            with ThreadPoolExecutor(count) as threads:
                return list(threads.map(decode, pieces))
        finally:
            for decoder in decoders:
                decoder.close()


def _version() -> str:
    try:
        return version("pocketsphinx")
    except PackageNotFoundError as error:
        raise EngineUnavailableError(
            "DUB_TRANSCRIBER is pocketsphinx, which is not installed: on arm64 it is ready-made "
            "for Python 3.11 and 3.13 only. Use one of these (make clean, then for example make "
            "demo PYTHON=python3.13), or build it with a C compiler. "
            + say_how_to_install("pocketsphinx")
        ) from error


def _make_decoder(audio: Path) -> WarmPipeline:
    program = Path(__file__).with_name("sphinx_process.py")
    # It would decode for seconds before it finds its input closed.
    command = tie_to_parent(helper(program, str(audio.absolute())))
    return WarmPipeline("pocketsphinx", [command], end=b"\n")


def _hear(decoder: WarmPipeline, piece: Piece) -> list[Word]:
    question = json.dumps({"start": piece.start, "end": piece.end})
    limit = patience(piece.end - piece.start)
    answer = json.loads(decoder.ask(question.encode(), seconds=limit))
    return [Word(*word) for word in answer["words"]]


def _fit_into(span: Span, words: Sequence[Word]) -> Iterator[Word]:
    """Return the words held inside the speech found; one heard only beside it is no word."""
    for word in words:
        start, end = max(word.start, span.start), min(word.end, span.end)
        if start < end:
            yield replace(word, start=start, end=end)
