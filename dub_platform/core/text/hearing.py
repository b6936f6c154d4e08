"""Whether what was heard of a recording is what it was to say.

    liken("Buenos días.", "buenos dias")        # 0.95: letters alone count, and most are the same

A recogniser writes numbers, marks and names its own way, and mishears a word now and then: so
letters are compared and not words, and only what is far off is another text.
"""

from __future__ import annotations

import unicodedata
from difflib import SequenceMatcher

# What Whisper (base) hears of Kokoro and Piper is as like as 0.94 and more, of eSpeak NG's Spanish
# 0.8; two sentences of one language that have nothing to do with each other are at most 0.4.
LEAST_LIKE = 0.6
# Of fewer letters, such as "Oh!", a recogniser makes anything.
LEAST_LETTERS = 6


def liken(text: str, heard: str) -> float:
    """How much of two texts is the same, in order, from 0 to 1."""
    return SequenceMatcher(None, _letters(text), _letters(heard), autojunk=False).ratio()


def is_misspoken(text: str, heard: str) -> bool:
    """Whether something else was heard than the text, for certain."""
    if len(_letters(text)) < LEAST_LETTERS or not _share_script(text, heard):
        return False
    return liken(text, heard) < LEAST_LIKE


def _letters(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if sign.isalnum())


def _share_script(text: str, heard: str) -> bool:
    """Whether both are in one script; where nothing was heard, that is told too."""
    # Hindi may be written down as Urdu, which says nothing of how it was spoken.
    return not _scripts(heard) or bool(_scripts(text) & _scripts(heard))


def _scripts(text: str) -> set[str]:
    return {unicodedata.name(sign, "").partition(" ")[0] for sign in text if sign.isalpha()}
