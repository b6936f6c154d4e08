"""The transcriber: who says what when.

    heard = transcriber.transcribe(Path("speech.wav"), speech, "en")
    heard = listen(Path("speech.wav"), speech, "en", Path("video.srt"), transcriber)

Captions that came with the video are used when they fit the speech found in it; `listen`
decides. The promises are tests in `dub_platform/contracts/transcribers.py`; an engine of ours is
held to them by adding it to `tests/contracts/test_transcriber.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from dub_platform.core.errors import LanguageNotAvailableError, LanguageNotToldError
from dub_platform.core.languages import AUTO, code_in
from dub_platform.core.speech import Heard, Span
from resources.transcriber.captions import fit_captions, read_captions


class Transcriber(Protocol):
    """Recognises speech. `engine` names it and its version, for receipts."""

    engine: str

    @property
    def detects_languages(self) -> bool:
        """Whether it can tell which language is spoken."""
        ...

    def languages(self) -> tuple[str, ...]:
        """Return the language codes it understands."""
        ...

    def transcribe(
        self, audio: Path, speech: Sequence[Span], language: str, video_id: str = ""
    ) -> Heard:
        """Return the words in a 16 kHz mono WAV, with times; only within `speech`, where a voice
        is.

        One segment for each span with words in it. For the language `auto`, which only one that
        detects languages takes, the answer says which one was heard. What is not to be trusted is
        left out, and `why` says so, or its words are marked. What is paid goes on the account of
        `video_id`. Raises LanguageNotAvailableError for a language it does not know.
        """
        ...


def listen(
    audio: Path,
    speech: Sequence[Span],
    language: str,
    captions: Path | None,
    transcriber: Transcriber,
    video_id: str = "",
) -> Heard:
    """Return the captions' words if they are good, else the transcriber's; `why` says why.

    Where the language is `auto`, the one that is written in the captions, or heard. Raises
    LanguageNotAvailableError when the captions are no use and the transcriber does not know the
    language, LanguageNotToldError when nobody can tell which it is.
    """
    why = "No captions came with the video."
    if captions is not None:
        heard = fit_captions(read_captions(captions, language), speech)
        if heard.segments:
            return _write_code(heard)
        why = heard.why
    if language == AUTO and not transcriber.detects_languages:
        raise _make_not_told(f"{why} {transcriber.engine} cannot tell languages.")
    try:
        heard = transcriber.transcribe(audio, speech, language, video_id)
    except LanguageNotAvailableError as error:
        raise LanguageNotAvailableError(f"{error.sentence} {why}") from error
    return _write_code(replace(heard, why=f"{why} {heard.why}".rstrip()))


def _write_code(heard: Heard) -> Heard:
    """Return what was heard, with the code of its language. Raises LanguageNotToldError."""
    code = code_in(heard.language)
    if code is None and heard.segments:
        raise _make_not_told(heard.why)
    return replace(heard, language=code or heard.language)


def _make_not_told(why: str) -> LanguageNotToldError:
    return LanguageNotToldError(
        "Nobody named the language that is spoken, and it cannot be told from the video. Hand the "
        f"video in again and name it as source_language. {why}"
    )
