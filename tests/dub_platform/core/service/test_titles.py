"""Titles: what is left of the text of strangers."""

from __future__ import annotations

import pytest

from dub_platform.core.service.titles import LONGEST_TITLE, make_plain


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("How bread is made", "How bread is made"),
        ("  two\n lines\tand a tab ", "two lines and a tab"),
        ("red\x1b[31m bell\a nul\0", "red [31m bell nul"),
        ("\u202egnp.exe", "gnp.exe"),
        ("half a character \udc80", "half a character"),
        ("cafe\u0301 🎬", "café 🎬"),
        ("<b>bold</b> & 'so'", "<b>bold</b> & 'so'"),
        ("x" * 500, "x" * LONGEST_TITLE),
    ],
)
def test_a_title_is_one_line_of_plain_text(text: str, kept: str) -> None:
    """What it means to a page is for the page to escape."""
    assert kept == make_plain(text)
