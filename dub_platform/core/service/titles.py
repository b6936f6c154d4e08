"""Titles: text that strangers wrote, made fit for one line of a page, a terminal, a log.

>>> plain("My  film" + chr(27) + "[2J")
'My film [2J'
"""

from __future__ import annotations

import unicodedata

LONGEST_TITLE = 200


def plain(text: str) -> str:
    """`text` on one line, without what controls a terminal or reorders a page; at most 200."""
    visible = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))
    return " ".join(visible.split())[:LONGEST_TITLE].strip()
