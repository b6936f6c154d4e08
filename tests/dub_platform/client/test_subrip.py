"""The lines as SubRip, as editors write it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dub_platform.client import WrongUseError
from dub_platform.client.answers import LineAnswer
from dub_platform.client.subrip import format_srt, read

LINES = cast(
    list[LineAnswer],
    [
        {"number": 0, "start": 0.5, "end": 2.0, "text": "Hola."},
        {"number": 1, "start": 3661.25, "end": 3663.0, "text": "Adiós."},
    ],
)
TEXT = "1\n00:00:00,500 --> 00:00:02,000\nHola.\n\n2\n01:01:01,250 --> 01:01:03,000\nAdiós.\n"


def test_lines_are_written_and_read() -> None:
    """What was not changed is nothing new."""
    assert TEXT == format_srt(LINES)
    assert {} == read(TEXT, LINES)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n\n2\n", "\n\n\n\n7\n"),
        lambda text: text.replace("Hola.", "<i>Hola.</i>\n"),
        lambda text: text.replace("00:00:00,500", "0:00:00.52"),
        lambda text: text.replace("2\n01", "01"),
        lambda text: text.replace("Adiós.\n", "Adiós.  "),
    ],
)
def test_what_an_editor_does_beside_is_no_edit(change: Any) -> None:
    """Ends of lines, numbers, marks, and times that go with its pictures."""
    assert {} == read(change(TEXT), LINES)


def test_a_text_over_rows_is_one_line() -> None:
    """Only what says something else is told; what was left out stays as it is."""
    cue = "2\n01:01:01,250 --> 01:01:03,000\nHasta\nluego.\n"
    assert {1: "Hasta luego."} == read(cue, LINES)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TEXT.replace("01:01:01", "01:01:02"), "No line begins at 01:01:02,250"),
        ("Hola.", "its part 1 has no time"),
        ("", "its part 1 has no time"),
    ],
)
def test_what_is_no_line_is_refused(text: str, why: str) -> None:
    """With what stands there."""
    with pytest.raises(WrongUseError, match=why):
        read(text, LINES)
