"""The script of a dub: its lines as an editor sees them, and where the release has them; and what
is said in the video, as an editor of that sees it.

script = make_script(transcript, translation, history, released)
line = script.line(3)
line.text, line.edit, line.placed and line.placed.tempo
make_source_script(transcript, corrections).line(3).line.text
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dub_platform.core.errors import LineNotFoundError, LinesNotReadyError
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.core.text.edits import (
    LineEdit,
    LineFinder,
    apply_corrections,
    find_outdated,
    in_force,
)
from dub_platform.core.timeline import is_flagged
from dub_platform.core.timing.budget import character_budgets, loan, speaking_rate


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

    `heard` is the line before anybody corrected what was said in it; `previous` is what it said
    before its last edit, and `is_old` whether that was before what is said was corrected. It has
    `room` seconds, with the silence that it may borrow, which are about `budget` characters; its
    glossary has terms that are `missed` in what it says.
    """

    line: Line
    translation: str
    edit: LineEdit | None
    placed: Placed | None
    heard: Line
    previous: str | None = None
    is_old: bool = False
    room: float = 0.0
    budget: int = 0
    missed: tuple[str, ...] = ()

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


@dataclass(frozen=True)
class SaidLine:
    """One line of what is said: as it is taken now, as it was `heard`, and who corrected that.

    `previous` is what it was taken for before it was corrected last.
    """

    line: Line
    heard: Line
    edit: LineEdit | None
    previous: str


@dataclass(frozen=True)
class Said:
    """All that is said in a video, corrections of lines that are gone, and how many were made."""

    transcript: Transcript
    lines: tuple[SaidLine, ...]
    left_out: tuple[LineEdit, ...]
    edits_made: int

    def line(self, number: int) -> SaidLine:
        """The line of this number. Raises LineNotFoundError."""
        found = next((each for each in self.lines if each.line.id == number), None)
        if found is None:
            raise LineNotFoundError(
                "This video has no such line: its lines are numbered from 0 to "
                f"{len(self.lines) - 1}."
            )
        return found


def make_source_script(transcript: Transcript, history: Sequence[LineEdit]) -> Said:
    """Make the script of what is said, with all corrections, also those that the transcript does
    not have yet."""
    edits = in_force(history, transcript.as_heard)
    now = apply_corrections(transcript, edits)
    lines = tuple(
        SaidLine(line, heard, edits.applied.get(line.id), edits.before.get(line.id) or heard.text)
        for line, heard in zip(now.lines, now.as_heard, strict=True)
    )
    return Said(now, lines, edits.left_out, len(history))


def make_script(
    transcript: Transcript,
    translation: Translation,
    history: Sequence[LineEdit],
    released: Sequence[Placed] = (),
    corrections: Sequence[LineEdit] = (),
) -> Script:
    """Make the script of a dub. Raises LinesNotReadyError for a translation of other lines."""
    if [line.id for line in transcript.lines] != [line.id for line in translation.lines]:
        raise not_ready(translation.language)
    edits, places = in_force(history, transcript.as_heard), _places(transcript, released)
    old = find_outdated(edits, in_force(corrections, transcript.as_heard))
    brief = translation.brief or Brief()
    budgets = _budgets(transcript, translation.language, brief)
    lines = tuple(
        ScriptLine(
            line,
            target.unedited_text,
            edits.applied.get(line.id),
            places.get(line.id),
            heard,
            edits.before.get(line.id) or target.unedited_text,
            line.id in old,
            line.seconds + loan(line, following),
            budgets[line.id],
            _find_missed_terms(
                line, edits.applied.get(line.id), target, translation.language, brief
            ),
        )
        for line, following, heard, target in zip(
            transcript.lines,
            (*transcript.lines[1:], None),
            transcript.as_heard,
            translation.lines,
            strict=False,
        )
    )
    return Script(lines, edits.left_out, len(history))


def not_ready(language: str) -> LinesNotReadyError:
    """Make the error for who asks for lines before they are translated."""
    return LinesNotReadyError(
        f"The lines of this dub in {language!r} are not translated yet, so they cannot be shown. "
        "Try again once its stage is past `translation`; if it failed before, ask for it again."
    )


def _budgets(transcript: Transcript, language: str, brief: Brief) -> Mapping[int, int]:
    """Return how many characters each line can have: as its translator was told, where it was."""
    usual = character_budgets(transcript.lines, rate=speaking_rate(language))
    return {line_id: brief.budgets.get(line_id, budget) for line_id, budget in usual.items()}


def _find_missed_terms(
    line: Line, edit: LineEdit | None, target: TranslatedLine, language: str, brief: Brief
) -> tuple[str, ...]:
    text = (edit and edit.text) or target.unedited_text
    return tuple(map(str, brief.glossary.find_missed(line.text, text, language)))


def _places(transcript: Transcript, released: Sequence[Placed]) -> Mapping[int, Placed]:
    """Return the release's places by the ids that its lines have by now. A line that was corrected
    says other words in the same time, so it is found by its slot."""
    finder, found = LineFinder(transcript.as_heard), dict[int, Placed]()
    slots = {(line.start, line.end): line for line in transcript.lines if transcript.heard}
    for placed in released:
        slot = placed.slot_start, placed.slot_end
        line = finder.find(placed.source, *slot) or slots.get(slot)
        if line is not None:
            found[line.id] = placed
    return found
