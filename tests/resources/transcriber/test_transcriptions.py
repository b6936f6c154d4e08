"""What servers answer, and what is made of it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from dub_platform.core.speech import Span
from resources.transcriber.chunks import Chunk, Piece
from resources.transcriber.doubts import UNSURE, Doubts
from resources.transcriber.transcriptions import Transcription

SPAN = Span(10.0, 14.0)
CHUNK = Chunk((Piece(10.0, 14.0, SPAN),))


def answer(**fields: Any) -> Transcription:
    """An answer as it is read from its JSON."""
    return Transcription.read(json.dumps({"text": "", **fields}).encode())


def said(transcription: Transcription) -> list[str]:
    """Its words."""
    findings = transcription.findings(CHUNK, Doubts())
    return [word.text for finding in findings for word in finding.words]


def words(*texts: str) -> list[dict[str, Any]]:
    """Words of a tenth of a second each."""
    return [{"word": text, "start": n / 10, "end": n / 10 + 0.1} for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "bare", "written"),
    [
        ("¿Hola? - Sí, “señor”…", ["Hola", "Sí", "señor"], ["¿Hola?", "Sí,", "“señor”…"]),
        ("It's 3.5, isn't it?", ["It's", "3.5", "isn't", "it"], ["It's", "3.5,", "isn't", "it?"]),
        ("你好，欢迎。", ["你", "好", "欢迎"], ["你", "好，", "欢迎。"]),
        ("HELLO, there", ["hello", "there"], ["HELLO,", "there"]),
        ("Straße, ja.", ["strasse", "ja"], ["strasse", "ja"]),
        ("Another text.", ["not", "it"], ["not", "it"]),
        ("Only text.", [], ["Only", "text."]),
    ],
)
def test_words_are_written_as_in_the_text(text: str, bare: list[str], written: list[str]) -> None:
    """Where both have the same letters; else the words are as they came."""
    assert written == said(answer(text=text, words=words(*bare)))


def test_each_segment_has_its_own_doubt() -> None:
    """A doubtful sentence does not make its neighbours doubtful."""
    sure = {"text": "Good morning.", "start": 0.0, "end": 2.0, "avg_logprob": -0.2}
    unsure = {"text": "Follow me.", "start": 2.0, "end": 4.0, "avg_logprob": -1.4}
    timed = answer(text="Good morning. Follow me.", segments=[sure, unsure])
    assert [(None, 10.0), (UNSURE, 12.0)] == [
        (finding.doubt, finding.words[0].start) for finding in timed.findings(CHUNK, Doubts())
    ]
    words = [word for finding in timed.findings(CHUNK, Doubts()) for word in finding.words]
    assert [math.exp(-0.2)] * 2 + [math.exp(-1.4)] * 2 == [word.confidence for word in words]


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("english", "en"),
        ("en", "en"),
        ("jw", "jv"),
        ("haitian creole", "ht"),
        ("no language", None),
    ],
)
def test_languages_are_understood_however_they_are_named(named: str, code: str | None) -> None:
    """OpenAI writes them out; others give Whisper's codes, of which some are old."""
    assert code == answer(text="x", language=named).tell_language()


def test_nothing_said_is_no_language() -> None:
    """An empty text tells nothing."""
    assert None is answer(text=" ").tell_language()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"status": "ok"}',
        b'{"text": null}',
        b'{"text": "a", "words": [{"word": "a", "start": NaN, "end": 1}]}',
        b"<html>",
    ],
)
def test_what_is_no_transcription_is_refused(body: bytes) -> None:
    """With a reason that a person understands."""
    with pytest.raises(ValueError, match="it is not a transcription"):
        Transcription.read(body)
