"""Titles: text that strangers wrote, made fit for one line of a page, a terminal, a log.

>>> make_plain("My  film" + chr(27) + "[2J")
'My film [2J'
"""

from __future__ import annotations

import unicodedata

LONGEST_TITLE = 200


def make_plain(text: str) -> str:
    """Return `text` on one line of at most 200 characters, without what controls a terminal or
    reorders a page."""
    visible = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))
    return " ".join(visible.split())[:LONGEST_TITLE].strip()
