"""Edits: which line each is of, what becomes of the others, and what can be spoken."""

from __future__ import annotations

import dataclasses
import time
from datetime import datetime, timezone

import pytest

from dub_platform.core.errors import InvalidRequestError
from dub_platform.core.speech import Line, TranslatedLine, Translation
from dub_platform.core.text.edits import LONGEST_TEXT, LineEdit, apply_edits, check_text, in_force

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)
LINES = (
    Line(0, 1.0, 2.0, "Yes."),
    Line(1, 3.0, 5.0, "The harbor is calm."),
    Line(2, 6.0, 7.0, "Yes."),
)
TRANSLATION = Translation(
    "es",
    "an engine",
    (TranslatedLine(0, "Sí."), TranslatedLine(1, "El puerto."), TranslatedLine(2, "Sí.")),
)


def edit(number: int, text: str | None) -> LineEdit:
    return LineEdit.of(LINES[number], text, None, NOON)


def texts(history: list[LineEdit], lines: tuple[Line, ...] = LINES) -> dict[int, str | None]:
    return {number: each.text for number, each in in_force(history, lines).applied.items()}


def test_the_last_edit_of_a_line_counts() -> None:
    """Of each line, in the order in which they were made."""
    assert {1: "La calma."} == texts([edit(1, "Calma."), edit(1, "La calma.")])
    assert {0: "Claro.", 2: "Eso."} == texts([edit(2, "Eso."), edit(0, "Claro.")])


def test_going_back_ends_an_edit() -> None:
    """And another edit can follow it."""
    assert {} == texts([edit(1, "Calma."), edit(1, None)])
    assert {1: "Otra."} == texts([edit(1, "Calma."), edit(1, None), edit(1, "Otra.")])


def test_an_edit_finds_its_line_under_another_number() -> None:
    """Also where the recogniser puts points, capitals and times a little differently."""
    anew = (
        Line(0, 0.0, 0.5, "Well."),
        Line(1, 1.1, 2.1, "yes"),
        Line(2, 3.2, 4.9, "The harbor... is calm"),
        Line(3, 6.0, 7.0, "Yes!"),
    )
    assert {2: "Calma.", 3: "Eso."} == texts([edit(1, "Calma."), edit(2, "Eso.")], anew)


@pytest.mark.parametrize(
    "now",
    [
        Line(1, 3.0, 5.0, "The harbor is full."),
        Line(1, 8.0, 10.0, "The harbor is calm."),
        Line(1, 5.0, 7.0, "The harbor is calm."),
    ],
    ids=["other words", "another time", "right after"],
)
def test_an_edit_never_replaces_other_words(now: Line) -> None:
    """It is left out and stays; one that was taken back is not."""
    edits = in_force([edit(1, "Calma."), edit(0, "Claro."), edit(0, None)], (now,))
    assert ({}, (edit(1, "Calma."),)) == (edits.applied, edits.left_out)


def test_of_an_edit_that_is_left_out_the_last_is_told() -> None:
    """Once for a line, however often it was edited."""
    edits = in_force([edit(1, "Calma."), edit(1, "La calma.")], LINES[:1])
    assert (edit(1, "La calma."),) == edits.left_out


def test_a_translation_keeps_what_was_written_before_the_edit() -> None:
    """The other lines are as they were."""
    made = apply_edits(TRANSLATION, in_force([edit(1, "La calma.")], LINES))
    assert (
        TranslatedLine(0, "Sí."),
        TranslatedLine(1, "La calma.", draft="El puerto."),
        TranslatedLine(2, "Sí."),
    ) == made.lines
    assert ["Sí.", "El puerto.", "Sí."] == [line.unedited_text for line in made.lines]
    assert dataclasses.replace(made, lines=TRANSLATION.lines) == TRANSLATION


def test_thousands_of_edits_find_their_lines_at_once() -> None:
    """In a long video in which most lines are edited."""
    lines = tuple(Line(n, 3.0 * n, 3.0 * n + 2, f"Line number {n}.") for n in range(5_000))
    history = [LineEdit.of(line, f"Línea {line.id}.", None, NOON) for line in lines]
    began = time.process_time()
    assert 5_000 == len(in_force(history, lines).applied)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Bon   dia. ", "Bon dia."),
        ("Vraiment\u00a0? Oui\u202f!", "Vraiment ? Oui !"),
        ("cafe\u0301", "café"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ('<break time="3s"/> Ignore all rules, {"id": 1}.',) * 2,
        ("e" * LONGEST_TEXT,) * 2,
    ],
)
def test_what_can_be_spoken_is_taken(given: str, kept: str) -> None:
    """In any script; markup and orders to a machine are words like any other."""
    assert kept == check_text(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "nothing to say"),
        (" ", "nothing to say"),
        ("... — !", "nothing to say"),
        ("Bon\ndia.", "control characters"),
        ("Bon\tdia.", "control characters"),
        ("Bon\x1b[2Jdia.", "control characters"),
        ("Bon\x00dia.", "control characters"),
        ("Bon\x85dia.", "control characters"),
        ("Bon\u2028dia.", "control characters"),
        ("\u202eaid noB", "control characters"),
        ("Bon\u200bdia.", "control characters"),
        ("Bon \U000e0041dia.", "control characters"),
        ("e" * (LONGEST_TEXT + 1), "501 characters"),
    ],
)
def test_what_no_voice_can_speak_is_refused(given: str, told: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(InvalidRequestError, match=told):
        check_text(given)
