"""The script of a dub: its lines as an editor sees them, and where the release has them.

script = written(transcript, translation, history, released)
line = script.line(3)
line.text, line.edit, line.placed and line.placed.tempo
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dub_platform.core.edits import LineEdit, LineFinder, in_force
from dub_platform.core.errors import LineNotFoundError, LinesNotReadyError
from dub_platform.core.speech import Line, Transcript, Translation
from dub_platform.core.timeline import is_flagged


@dataclass(frozen=True)
class Placed:
    """A line as the released track has it: its `text` from `start`, at `tempo`.

    `source` was said from `slot_start` to `slot_end`. Times are seconds from the video's start.
    """

    source: str
    slot_start: float
    slot_end: float
    text: str
    start: float
    tempo: float

    @property
    def onset_error(self) -> float:
        return self.start - self.slot_start

    @property
    def is_flagged(self) -> bool:
        return is_flagged(self.onset_error, self.tempo)


@dataclass(frozen=True)
class ScriptLine:
    """One line: what was said, what its translator wrote, and what somebody made of that.

    `previous` is what it said before its last edit.
    """

    line: Line
    translation: str
    edit: LineEdit | None
    placed: Placed | None
    previous: str | None = None

    @property
    def text(self) -> str:
        """What is spoken, now or in the release to come."""
        return (self.edit and self.edit.text) or self.translation


@dataclass(frozen=True)
class Script:
    """All lines in order, the edits of lines that are gone, and how many edits were ever made."""

    lines: tuple[ScriptLine, ...]
    left_out: tuple[LineEdit, ...]
    edits_made: int

    def line(self, number: int) -> ScriptLine:
        """The line of this number. Raises LineNotFoundError."""
        found = next((each for each in self.lines if each.line.id == number), None)
        if found is None:
            raise LineNotFoundError(
                "This dub has no such line: its lines are numbered from 0 to "
                f"{len(self.lines) - 1}."
            )
        return found


def written(
    transcript: Transcript,
    translation: Translation,
    history: Sequence[LineEdit],
    released: Sequence[Placed] = (),
) -> Script:
    """The script of a dub. Raises LinesNotReadyError for a translation of other lines."""
    if [line.id for line in transcript.lines] != [line.id for line in translation.lines]:
        raise not_ready(translation.language)
    edits, places = in_force(history, transcript.lines), _places(transcript.lines, released)
    lines = tuple(
        ScriptLine(
            line,
            target.unedited,
            edits.applied.get(line.id),
            places.get(line.id),
            edits.before.get(line.id) or target.unedited,
        )
        for line, target in zip(transcript.lines, translation.lines, strict=True)
    )
    return Script(lines, edits.left_out, len(history))


def not_ready(language: str) -> LinesNotReadyError:
    """What somebody is told who comes before the translator."""
    return LinesNotReadyError(
        f"The lines of this dub in {language!r} are not translated yet, so they cannot be shown. "
        "Try again once its stage is past `translation`; if it failed before, ask for it again."
    )


def _places(lines: Sequence[Line], released: Sequence[Placed]) -> Mapping[int, Placed]:
    """The release's places by the ids that its lines have by now."""
    finder = LineFinder(lines)
    found = ((finder.find(p.source, p.slot_start, p.slot_end), p) for p in released)
    return {line.id: placed for line, placed in found if line is not None}
