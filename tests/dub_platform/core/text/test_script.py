"""The script: each line with its translation, its edit, and its place in the release."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dub_platform.core.errors import LineNotFoundError, LinesNotReadyError
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.text.edits import LineEdit
from dub_platform.core.text.script import Placed, make_script

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)
LINES = (Line(0, 1.0, 2.0, "Yes."), Line(1, 3.0, 5.0, "The harbor is calm."))
TRANSCRIPT = Transcript("en", "an engine", LINES)
TRANSLATION = Translation(
    "es", "an engine", (TranslatedLine(0, "Sí."), TranslatedLine(1, "Calma.", draft="El puerto."))
)
EDIT = LineEdit.of(LINES[1], "Hay calma.", None, NOON)
PLACED = Placed("The harbor is calm.", 3.0, 5.0, "Calma.", start=3.1, tempo=1.05)


def test_a_line_says_its_edit_and_else_its_translation() -> None:
    """The translation is what was written, also where an older edit was spoken in its place."""
    first, second = make_script(TRANSCRIPT, TRANSLATION, [EDIT]).lines
    assert ("Sí.", "Sí.", None) == (first.text, first.translation, first.edit)
    assert ("Hay calma.", "El puerto.", EDIT) == (second.text, second.translation, second.edit)
    taken_back = make_script(TRANSCRIPT, TRANSLATION, [EDIT, replace(EDIT, text=None)])
    assert "El puerto." == taken_back.line(1).text


def test_a_line_has_its_place_in_the_release() -> None:
    """Found by its words, because the release may be of another transcript."""
    anew = replace(TRANSCRIPT, lines=(replace(LINES[1], id=0), Line(1, 6.0, 7.0, "Yes.")))
    script = make_script(anew, TRANSLATION, [], [PLACED])
    assert [PLACED, None] == [line.placed for line in script.lines]


def test_edits_of_lines_that_are_gone_are_told() -> None:
    """And counted with the others, which whoever edits next must have seen."""
    gone = replace(EDIT, source="The harbor is full.")
    script = make_script(TRANSCRIPT, TRANSLATION, [gone, EDIT])
    assert ((gone,), 2) == (script.left_out, script.edits_made)


@pytest.mark.parametrize("lines", [LINES[:1], (*LINES, Line(2, 6.0, 7.0, "No."))])
def test_a_translation_of_other_lines_is_none(lines: tuple[Line, ...]) -> None:
    """The transcript was made anew, and its translation is still to come."""
    with pytest.raises(LinesNotReadyError, match="not translated yet"):
        make_script(replace(TRANSCRIPT, lines=lines), TRANSLATION, [])


@pytest.mark.parametrize("number", [-1, 2])
def test_a_line_that_is_not_there_is_not_found(number: int) -> None:
    """The sentence says which there are."""
    with pytest.raises(LineNotFoundError, match="from 0 to 1"):
        make_script(TRANSCRIPT, TRANSLATION, []).line(number)


@pytest.mark.parametrize(
    ("start", "tempo", "is_flagged"),
    [
        (3.0, 1.0, False),
        (3.18, 1.29, False),
        (3.19, 1.0, True),
        (2.92, 1.0, False),
        (2.90, 1.0, True),
        (3.0, 1.2999, True),
    ],
)
def test_a_line_that_was_hard_to_fit_is_flagged(
    start: float, tempo: float, is_flagged: bool
) -> None:
    """As fast as a take may be, or later or earlier than viewers accept."""
    assert is_flagged == replace(PLACED, start=start, tempo=tempo).is_flagged
