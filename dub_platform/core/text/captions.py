"""Captions: cues that can be read, written as WebVTT and SRT.

    cues = make_cues([(1.2, 3.9, "Buenos días.")])
    vtt, srt = as_vtt(cues, "es"), as_srt(cues)

At most two lines of 42 columns a cue, 5/6 to 7 s where there is room, two frames apart: the limits
of Netflix's timed text style guide. A letter of Chinese, Japanese or Korean fills two columns.
Text is data: markup in it is shown, not obeyed.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dub_platform.core.text.rows import width, wrap

CHARACTERS = 42
ROWS = 2
SHORTEST_SECONDS = 5 / 6
LONGEST_SECONDS = 7.0
# Two frames of film: the least gap by which a reader sees that the text changed.
APART_SECONDS = 2 / 24
# SubRip cannot escape: what players take for tags and line ends is replaced by its look-alikes.
_SUBRIP = str.maketrans("<>{}\\", "‹›｛｝＼")


@dataclass(frozen=True)
class Cue:
    """Rows of text shown from `start` to `end`, in seconds."""

    start: float
    end: float
    rows: tuple[str, ...]


def make_cues(lines: Iterable[tuple[float, float, str]]) -> tuple[Cue, ...]:
    """Make cues of (start, end, text) in order of start, in seconds; a long text becomes
    several."""
    cues = [cue for start, end, text in lines for cue in _split_text(start, end, text)]
    return tuple(
        _time_cue(cue, following.start if following else None)
        for cue, following in itertools.zip_longest(cues, cues[1:])
    )


def as_vtt(cues: Sequence[Cue], language: str) -> str:
    """Return the cues as a WebVTT file."""
    blocks = [f"WEBVTT\nLanguage: {language}\n"]
    for cue in cues:
        # '-->' would end a cue's text, and < or & would start a tag.
        rows = "\n".join(html.escape(row, quote=False) for row in cue.rows)
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{rows}\n")
    return "\n".join(blocks)


def as_srt(cues: Sequence[Cue]) -> str:
    """Return the cues as a SubRip file."""
    blocks: list[str] = []
    for number, cue in enumerate(cues, start=1):
        rows = "\n".join(cue.rows).translate(_SUBRIP)
        blocks.append(f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{rows}\n")
    return "\n".join(blocks)


def _split_text(start: float, end: float, text: str) -> list[Cue]:
    """Split a text into cues of ROWS rows; each gets of the time what it has of the characters."""
    rows = wrap(" ".join(text.split()), CHARACTERS) or ["…"]
    groups = [tuple(rows[index : index + ROWS]) for index in range(0, len(rows), ROWS)]
    characters = [sum(width(row) for row in group) for group in groups]
    cues: list[Cue] = []
    at = start
    for group, count in zip(groups, characters, strict=True):
        until = at + (end - start) * count / sum(characters)
        cues.append(Cue(at, until, group))
        at = until
    return cues


def _time_cue(cue: Cue, next_start: float | None) -> Cue:
    """Make a cue long enough to read, short enough not to linger, and apart from the next."""
    # Not to overlap the next comes before being readable: two cues at once hide each other.
    end = min(max(cue.end, cue.start + SHORTEST_SECONDS), cue.start + LONGEST_SECONDS)
    if next_start is not None:
        end = min(end, next_start - APART_SECONDS)
    return Cue(cue.start, max(end, cue.start + 0.1), cue.rows)


def _clock(seconds: float, point: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
