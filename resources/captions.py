"""Captions that came with a video, read as if a transcriber had heard them.

    heard = read_captions(Path("video.srt"), "en")
    good, why = captions_are_good(heard, speech)

Nothing in a captions file is trusted: whatever it holds, the answer is a `Heard`, empty and
with the reason when there is nothing to use.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pysubs2

from dub_platform.core.errors import MediaError
from dub_platform.core.speech import Heard, Segment, Span, Word

LARGEST = 5_000_000
LEAST_COVERED = 0.6
LEAST_ON_SPEECH = 0.6
# Cues that start within this of each other are one: two people in the same picture.
_TOGETHER = 0.1

# Every repetition has a limit, so that no text takes more than linear time.
_MARKUP = re.compile(r"</?[A-Za-z0-9][^<>\n]{0,300}>|\{[^{}\n]{0,300}\}")
_BLANK_LINES = re.compile(r"\n[ \t]*\n[ \t\n]*")
_SOUND = re.compile(r"\[[^\[\]\n]{0,300}\]|^[ \t]*\([^()\n]{0,300}\)|[♪♫]", re.MULTILINE)
_SPEAKER = re.compile(
    r"^[ \t]*(?:[-\u2013\u2014]{1,3}|>{2,3}|[A-Z][A-Z .'-]{1,30}:)[ \t]*", re.MULTILINE
)


@dataclass(frozen=True)
class _Cue:
    start: float
    end: float
    words: tuple[str, ...]


def read_captions(path: Path, language: str) -> Heard:
    """The words of an .srt or .vtt file, each cue's time spread over its words by length.

    Without formatting, sounds such as [Music], and marks of who speaks. No words, and the
    reason in `why`, for a file that cannot be used.
    """
    try:
        cues = _apart(_cues(_text(path)))
    except MediaError as error:
        return Heard(language, "captions", (), why=error.sentence)
    return Heard(language, "captions", tuple(Segment(tuple(_spread(cue))) for cue in cues))


def captions_are_good(heard: Heard, speech: Sequence[Span]) -> tuple[bool, str]:
    """Whether captions belong to this speech, and the reason as a sentence.

    They cover most of the speech, and most of their own time lies on speech: captions of
    another cut, or shifted ones, do not.
    """
    if not heard.segments:
        return False, heard.why or _unused("there are no words in them")
    cues = [Span(segment.words[0].start, segment.words[-1].end) for segment in heard.segments]
    common = _overlap(cues, speech)
    spoken, shown = _seconds(speech), _seconds(cues)
    if common < LEAST_COVERED * spoken:
        return False, _unused(f"they cover only {common / spoken:.0%} of the speech")
    if common < LEAST_ON_SPEECH * shown:
        return False, _unused(f"only {common / shown:.0%} of their time lies on speech")
    covered = common / spoken if spoken else 0.0
    return True, f"The captions that came with the video cover {covered:.0%} of its speech."


def _unused(reason: str) -> str:
    return f"The captions that came with the video were not used, because {reason}."


def _text(path: Path) -> str:
    try:
        with path.open("rb") as source:
            data = source.read(LARGEST + 1)
    except OSError as error:
        raise MediaError(_unused("they cannot be read")) from error
    if len(data) > LARGEST:
        raise MediaError(_unused(f"they are larger than {LARGEST // 1_000_000} MB"))
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise MediaError(_unused("they are not UTF-8 text")) from error
    if "\0" in text:
        raise MediaError(_unused("they are not text"))
    return text


def _cues(text: str) -> list[_Cue]:
    # pysubs2 takes time quadratic in runs of blank lines and in unclosed tags, and reads a line
    # with two time tags as a new cue: it gets neither to see.
    plain = _MARKUP.sub("", "\n".join(text.splitlines()))
    plain = _BLANK_LINES.sub("\n\n", plain)
    kind = "vtt" if plain.lstrip().startswith("WEBVTT") else "srt"
    subtitles = pysubs2.SSAFile.from_string(plain, format_=kind, keep_html_tags=True)
    cues = [_Cue(event.start / 1000, event.end / 1000, _words(event.text)) for event in subtitles]
    return [cue for cue in cues if cue.words and cue.start < cue.end]


def _words(text: str) -> tuple[str, ...]:
    # What follows a blank line is no speech: the next cue's name, or a comment.
    cue = text.replace(r"\N", "\n").partition("\n\n")[0]
    spoken = _SPEAKER.sub("", _SOUND.sub("", html.unescape(cue)))
    return tuple(word for word in spoken.split() if any(map(str.isalnum, word)))


def _apart(cues: Iterable[_Cue]) -> list[_Cue]:
    """Cues in order, each ending before the next starts."""
    apart: list[_Cue] = []
    for cue in sorted(cues, key=lambda cue: (cue.start, cue.end)):
        before = apart.pop() if apart else None
        if before is None:
            apart.append(cue)
        elif cue.start - before.start < _TOGETHER:
            end = max(before.end, cue.end)
            apart.append(_Cue(before.start, end, before.words + cue.words))
        else:
            apart += [replace(before, end=min(before.end, cue.start)), cue]
    return apart


def _spread(cue: _Cue) -> Iterator[Word]:
    letters = sum(len(word) + 1 for word in cue.words)
    start, passed = cue.start, 0
    for word in cue.words:
        passed += len(word) + 1
        end = cue.start + (cue.end - cue.start) * passed / letters
        yield Word(word, start, end)
        start = end


def _seconds(spans: Iterable[Span]) -> float:
    return sum(span.seconds for span in spans)


def _overlap(some: Sequence[Span], others: Sequence[Span]) -> float:
    """The seconds that both cover; each is ordered and without overlaps of its own."""
    common, here, there = 0.0, 0, 0
    while here < len(some) and there < len(others):
        one, other = some[here], others[there]
        common += max(0.0, min(one.end, other.end) - max(one.start, other.start))
        if one.end < other.end:
            here += 1
        else:
            there += 1
    return common
