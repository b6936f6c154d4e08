"""Rows of text that fit a width, also where words have no spaces between them.

>>> wrap("The people here love the sea.", 12)
['The people', 'here love', 'the sea.']
>>> wrap("港の人々は、海が好きです。", 12)
['港の人々は、', '海が好きで', 'す。']

A row of Chinese, Japanese or Korean has half as many letters: they are twice as wide. Between words
without spaces it is parted anywhere, but not before what closes a phrase nor within a letter: what
belongs together in Thai, Lao, Khmer or Burmese only a dictionary tells.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata

# What is written without spaces between words: Thai and Lao, Burmese, Khmer, Chinese and Japanese.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
)
# Vowels of Thai and Lao that are written before the letter that they follow.
_LEADING = frozenset("เแโใไເແໂໃໄ")
_CLOSING = frozenset(
    "、。，．・：；？！ー々…‥％ๆฯ)]}」』】〉》〕）］｝’”ぁぃぅぇぉっゃゅょァィゥェォッャュョะาำๅະາຳ"
)
_OPENING = frozenset("([{「『【〈《〔（［｛‘“")


def wrap(text: str, columns: int) -> list[str]:
    """Part the text into rows of at most so many columns; no row is empty."""
    if not _UNSPACED.search(text) and width(text) == len(text):
        return textwrap.wrap(text, columns)
    rows = [""]
    for piece in _pieces(text):
        if rows[-1] and width(rows[-1]) + width(piece.rstrip()) > columns:
            rows[-1] = rows[-1].rstrip()
            rows.append("")
        rows[-1] += piece if rows[-1] else piece.lstrip()
    return [part for row in rows for part in _cut(row.rstrip(), columns)]


def width(text: str) -> int:
    """Count the columns that a text fills: two for a wide letter, none for a mark on another."""
    return sum(
        0 if _is_mark(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text
    )


def _pieces(text: str) -> list[str]:
    """Part a text wherever a row may end, and after spaces."""
    pieces: list[str] = []
    before = " "
    for sign in text:
        if pieces and _belongs_to(before, sign):
            pieces[-1] += sign
        else:
            pieces.append(sign)
        before = sign
    return pieces


def _belongs_to(before: str, sign: str) -> bool:
    """Tell whether no row may end between two signs."""
    if sign == " " or _is_mark(sign) or sign in _CLOSING or before in _OPENING | _LEADING:
        return True
    return before != " " and not (_UNSPACED.match(before) or _UNSPACED.match(sign))


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign) in ("Mn", "Me", "Cf")


def _cut(row: str, columns: int) -> list[str]:
    """Cut a word that is longer than any row."""
    cut = [""]
    for sign in row:
        if width(cut[-1] + sign) > columns:
            cut.append("")
        cut[-1] += sign
    return [part for part in cut if part]
