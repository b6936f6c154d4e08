"""Edits: what people have a line say instead of what its translator wrote, or what they heard where
a recogniser heard something else.

    edits = in_force(registry.edits("dQw4w9WgXcQ", "es"), transcript.as_heard)
    apply_edits(translation, edits).lines[3].text
    edits.left_out                              # of lines that are not there any more

An edit names its line by the words that were heard in it and by when they were said. So it finds
its line in a transcript that was made anew, under whatever number, or corrected since, and never
replaces other words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dub_platform.core.errors import InvalidRequestError
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation

# A line lasts 12 s at most, and no language is spoken at 40 characters a second.
LONGEST_TEXT = 500
_WORD = re.compile(r"\w+")
# All that is typed as a space, which in French comes before "!" and is no ordinary one.
_SPACES = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Persian and the scripts of India are spelled with them; nothing else may be there unseen.
_JOINERS = {0x200C: None, 0x200D: None}


@dataclass(frozen=True)
class LineEdit:
    """One edit of a line that had this `number` and said `source` from `start` to `end`, in s.

    `text` is None where somebody went back to the translation; `author` where nobody said who.
    """

    number: int
    source: str
    start: float
    end: float
    text: str | None
    author: str | None
    made_at: datetime

    @classmethod
    def of(cls, line: Line, text: str | None, author: str | None, made_at: datetime) -> LineEdit:
        """Make an edit of this line."""
        return cls(line.id, line.text, line.start, line.end, text, author, made_at)


@dataclass(frozen=True)
class Edits:
    """The last edit of each line, by the line's id, and those whose line is not there any more.

    `before` is what the last edit replaced: None where that was what nobody had edited.
    `made_at` is when a line was edited last, also where that went back.
    """

    applied: Mapping[int, LineEdit]
    left_out: tuple[LineEdit, ...]
    before: Mapping[int, str | None] = field(default_factory=dict)
    made_at: Mapping[int, datetime] = field(default_factory=dict)


class LineFinder:
    """Finds lines by what is said in them and when."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._saying = defaultdict(list)
        for line in lines:
            self._saying[_words(line.text)].append(line)

    def find(self, source: str, start: float, end: float) -> Line | None:
        """Return the line that says these words at about this time; None where none does."""

        def overlap(line: Line) -> float:
            return min(line.end, end) - max(line.start, start)

        found = max(self._saying.get(_words(source), ()), key=overlap, default=None)
        # The same words are said elsewhere too: a "Yes." at another time is another line.
        return found if found and overlap(found) > 0 else None


def in_force(history: Iterable[LineEdit], lines: Sequence[Line]) -> Edits:
    """Match the edits, given in the order in which they were made, with these lines; the last edit
    of a line counts."""
    finder = LineFinder(lines)
    applied: dict[int, LineEdit] = {}
    before: dict[int, str | None] = {}
    left_out: dict[tuple[str, float, float], LineEdit] = {}
    for edit in history:
        line = finder.find(edit.source, edit.start, edit.end)
        if line is None:
            left_out[edit.source, edit.start, edit.end] = edit
        else:
            before[line.id] = applied[line.id].text if line.id in applied else None
            applied[line.id] = edit
    return Edits(
        {line_id: edit for line_id, edit in applied.items() if edit.text is not None},
        tuple(edit for edit in left_out.values() if edit.text is not None),
        before,
        {line_id: edit.made_at for line_id, edit in applied.items()},
    )


def find_outdated(edits: Edits, corrections: Edits) -> frozenset[int]:
    """Return the ids of lines that were edited before what is said in them was corrected last."""
    return frozenset(
        line_id
        for line_id, edit in edits.applied.items()
        if line_id in corrections.made_at and edit.made_at < corrections.made_at[line_id]
    )


def apply_edits(translation: Translation, edits: Edits) -> Translation:
    """Return the translation with the edits in it; what was written before is a line's `draft`."""
    return replace(
        translation, lines=tuple(_edit_line(line, edits.applied) for line in translation.lines)
    )


def apply_corrections(transcript: Transcript, edits: Edits) -> Transcript:
    """Return the transcript with the corrections in it; a corrected line is doubted no more."""
    heard = transcript.as_heard
    lines = tuple(_correct_line(line, edits.applied) for line in heard)
    return replace(transcript, lines=lines, heard=() if lines == heard else heard)


def check_text(text: str) -> str:
    """Return `text` as it is kept: on one line, in one spelling of its letters (NFC).

    Raises InvalidRequestError for what cannot be spoken. Markup can: every voice gets a line as
    plain text.
    """
    plain = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip(" ")
    if not plain.translate(_JOINERS).isprintable():
        raise InvalidRequestError(
            "The line has control characters, such as line ends, which no voice can speak. Write "
            "it as plain text on one line."
        )
    if not any(map(str.isalnum, plain)):
        raise InvalidRequestError(
            "The line has no letter or digit, so there is nothing to say. Write what is to be "
            "spoken, or delete the edit to go back to the translation."
        )
    if len(plain) > LONGEST_TEXT:
        raise InvalidRequestError(
            f"The line has {len(plain)} characters, and nobody says more than {LONGEST_TEXT} in "
            "the time of one. Shorten it."
        )
    return plain


def _correct_line(line: Line, applied: Mapping[int, LineEdit]) -> Line:
    edit = applied.get(line.id)
    if edit is None or edit.text is None:
        return line
    return replace(line, text=edit.text, confidence=1.0, doubt="")


def _edit_line(line: TranslatedLine, applied: Mapping[int, LineEdit]) -> TranslatedLine:
    edit = applied.get(line.id)
    if edit is None or edit.text is None:
        return line
    return replace(line, text=edit.text, draft=line.text)


def _words(text: str) -> str:
    """Return the words of a text without punctuation and capitals, to compare with another's."""
    return " ".join(_WORD.findall(text.casefold()))
