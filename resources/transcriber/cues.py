"""Cues in files of captions: SubRip, WebVTT, and YouTube's SBV, as people have them.

    read_cues(decode_text(data))       # [Cue(start=1.0, end=4.0, rows=("Good", "morning.")), ...]

Every file is read in linear time. A cue keeps all of its rows, empty ones between them left out;
what belongs to the format is no row: counters, names of cues, comments, styles. A row that later
cues show again, as captions that roll up do, is a row of the first of them alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

_TIME = r"(-?)(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,9}))?"
_TIMES = re.compile(rf"{_TIME}[ \t]*(?:-{{1,3}}[ \t]?>[ \t]*{_TIME}(?![0-9:])|,{_TIME}$)")
# Every repetition has a limit, so that no text takes more than linear time.
_MARKUP = re.compile(r"</?[A-Za-z0-9][^<>\n]{0,300}>|\{[^{}\n]{0,300}\}")
# The share of cues that must be counted, or show rows of the one before, for a file to do so.
_MOST = 0.6
# In a file that counts its cues: the longest counter, and how many cues may have been cut out.
_LONGEST_COUNTER = 9
_MOST_LEFT_OUT = 50
# Cues that follow each other within this are one after the other, in seconds.
_AT_ONCE = 0.1
# So many cues that each say more of the same are written letter by letter, or word by word.
_LEAST_GROWN = 3


class NotTextError(Exception):
    """The data are no text in an encoding that can be told; the message says what they are."""


@dataclass(frozen=True)
class Cue:
    """What is shown from `start` to `end`, in seconds; rows have no markup and are never empty."""

    start: float
    end: float
    rows: tuple[str, ...]


def decode_text(data: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16. Raises NotTextError."""
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotTextError("they are not text in UTF-8 or UTF-16") from error
    if "\0" in text:
        raise NotTextError("they are not text")
    return text


def is_webvtt(text: str) -> bool:
    """Whether the text is WebVTT, and not SubRip or SBV."""
    return text.lstrip().startswith("WEBVTT")


def read_cues(text: str) -> list[Cue]:
    """Return the cues in the order of the file; none where the text is no captions."""
    rows = [_without_markup(row) for row in text.splitlines()]
    cues = list(_blocks(rows, ends_at_blank=is_webvtt(text)))
    return _join_growing_cues(_drop_repeated_rows(_drop_counters(_head(rows), cues)))


def _without_markup(row: str) -> str:
    # \N is the end of a row in SubStation Alpha, from which files are converted.
    return _MARKUP.sub("", row).replace(r"\N", " ").strip()


def _head(rows: Sequence[str]) -> str:
    """Return the row before the first line of times."""
    head = itertools.takewhile(lambda row: not _TIMES.match(row), rows)
    return next(filter(None, reversed(list(head))), "")


def _blocks(rows: Sequence[str], *, ends_at_blank: bool) -> Iterator[Cue]:
    """Yield each line of times with the rows after it. A cue of WebVTT ends at a blank row."""
    cue: Cue | None = None
    said: list[str] = []
    is_open = False
    for row in rows:
        if times := _TIMES.match(row):
            if cue:
                yield replace(cue, rows=tuple(said))
            start, *end = _seconds(times)
            cue, said, is_open = Cue(start, end[0], ()), [], True
        elif row and is_open:
            said.append(row)
        elif not row and ends_at_blank and said:
            is_open = False
    if cue:
        yield replace(cue, rows=tuple(said))


def _seconds(times: re.Match[str]) -> tuple[float, float]:
    parts = times.groups()
    start = parts[:5]
    end = parts[5:10] if parts[7] else parts[10:]
    return _clock(*start), _clock(*end)


def _clock(sign: str, hours: str | None, minutes: str, seconds: str, part: str | None) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return float(f"{sign}{whole}.{part or 0}")


def _drop_counters(head: str, cues: Sequence[Cue]) -> list[Cue]:
    """Drop the number of the next cue from each, where the file counts its cues.

    A number can be what is said; the counters of a file go up. `head` is the row before the first
    line of times.
    """
    last = [cue.rows[-1] if cue.rows else "" for cue in cues]
    before = [head, *last][: len(cues)]
    counters, count = [False] * len(before), -1
    for place, row in enumerate(before):
        if row.isdecimal() and len(row) < _LONGEST_COUNTER and _goes_on(count, int(row)):
            counters[place], count = True, int(row)
    if not cues or sum(counters) < _MOST * len(counters):
        return list(cues)
    return [
        replace(cue, rows=cue.rows[:-1]) if is_counted else cue
        for cue, is_counted in zip(cues, [*counters[1:], False], strict=True)
    ]


def _goes_on(count: int, number: int) -> bool:
    """Whether the number is the next counter; some are left out, some files begin again."""
    return count < 0 or count < number <= count + _MOST_LEFT_OUT or number <= 1


def _drop_repeated_rows(cues: Sequence[Cue]) -> list[Cue]:
    """Drop rows that the cue before has shown, where captions roll up."""
    shown = [cue for cue in cues if cue.rows]
    again = [_count_repeated_rows(before, cue) for before, cue in itertools.pairwise(shown)]
    if sum(map(bool, again)) < max(2, _MOST * len(again)):
        return shown
    new = [replace(cue, rows=cue.rows[rows:]) for cue, rows in zip(shown[1:], again, strict=True)]
    return [*shown[:1], *(cue for cue in new if cue.rows)]


def _count_repeated_rows(before: Cue, cue: Cue) -> int:
    """Tell how many of the cue's first rows are the last ones of the cue before it."""
    # What says nothing new is the same picture only if it follows at once.
    follows = cue.start - before.end <= _AT_ONCE
    most = min(len(before.rows), len(cue.rows) if follows else len(cue.rows) - 1)
    return next((n for n in range(most, 0, -1) if before.rows[-n:] == cue.rows[:n]), 0)


def _join_growing_cues(cues: Sequence[Cue]) -> list[Cue]:
    """Join cues in which a row is written letter by letter, or word by word, to whole ones."""
    whole: list[list[Cue]] = []
    for cue in cues:
        if whole and _grows(whole[-1][-1], cue):
            whole[-1].append(cue)
        else:
            whole.append([cue])
    grown: list[Cue] = []
    for chain in whole:
        is_one = len(chain) >= _LEAST_GROWN
        grown += [replace(chain[-1], start=chain[0].start)] if is_one else chain
    return grown


def _grows(before: Cue, cue: Cue) -> bool:
    was, now = " ".join(before.rows), " ".join(cue.rows)
    at_once = abs(cue.start - before.end) <= _AT_ONCE
    return at_once and len(now) > len(was) and now.startswith(was)
