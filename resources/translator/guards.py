"""What small translation models damage, kept from them and put back.

    translate_guarded("See https://example.org, it costs $1,299.99.", "en", translate)

Models of some twenty megabytes translate a sentence well and spoil what is none: they leave text in
capitals as it is, drop cents, take addresses and tags apart, and lose letters that their language
has not. What is not for translating goes as a word that models leave alone; where that is lost all
the same, or digits are, what stands between is translated piece by piece.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

# Sentences, each translated by itself.
Translate = Callable[[Sequence[str]], Sequence[str]]

# Models copy these, as they do names that they never saw.
_STAND_INS = tuple(f"Zx{letter}" for letter in "qvkjwz")
# A sentence of more words comes back with less in it.
_MOST_WORDS = 60
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_FIELD = r"\{\{[^{}]*\}\}"
_ADDRESS = r"(?:https?://|www\.)\S*[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_KEPT = re.compile(f"{_TAG.pattern}|{_FIELD}|{_ADDRESS}")
_WORD = re.compile(r"\S+")
_ODD = frozenset("[]{}^\\@<>*#~|_=&")
_ODD_WORD = re.compile(r"/\S*|\$(?!\d)\S*|\S+\$")
_NUMBER = re.compile(r"[$€£¥]?\d(?:[\d.,:]*\d)?")
# One with a decimal mark or groups of three, and not a version or a date.
_PARTED = re.compile(r"(?<![\w.,:/-])\d+(?:[.,]\d+)+(?![\w:/-]|[.,]\d)")
_DIGITS = re.compile(r"\d+")
_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"') | dict.fromkeys("’‘", "'"))
_BRACKETS = {"(": re.compile(r"\s*\([^()]*\)"), "[": re.compile(r"\s*\[[^\[\]]*\]")}
_SENTENCE = re.compile(r"(?<=[.!?…])[\"')]?\s+(?=[\"'(¿¡]?\w)")
# A full stop behind these ends no sentence.
_SHORT = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St|Sr|Sra|Prof|vs|etc|[A-Za-z])\.$")
_CLAUSE = re.compile(r"(?<=[,;:])\s+|\s+(?=[—–])")
# What the languages of Western Europe write with; others have more of Latin.
_WESTERN = "ca da de en es fi fr gl id is it ms nb nl no pt sv"
_SCRIPTS = {
    "Latn": ("LATIN",),
    "Cyrl": ("CYRILLIC", "LATIN"),
    "Grek": ("GREEK", "LATIN"),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "LATIN"),
    "Hans": ("CJK", "LATIN"),
    "Hant": ("CJK", "LATIN"),
    "Kore": ("HANGUL", "CJK", "LATIN"),
    "Deva": ("DEVANAGARI", "LATIN"),
    "Hebr": ("HEBREW", "LATIN"),
}


def translate_guarded(text: str, source: str, translate: Translate) -> str:
    """Return the text in the other language, with all that is none of `source` as it was."""
    plain = _tidy(text)
    kept = list(_find_kept(plain, source))
    pieces = _part(plain, kept)
    if not any(_has_letters(piece) for piece in pieces[::2]):
        return plain or text
    shouted = _is_shouted("".join(pieces[::2]))
    for attempt in (_translate_whole, _translate_holding_numbers, _translate_pieces):
        said = attempt(pieces, shouted, translate)
        if said and has_same_digits(plain, said):
            return said
    return said or plain


def has_same_digits(text: str, translation: str) -> bool:
    """Whether both have the same numbers, in whatever order."""
    return Counter(_DIGITS.findall(text)) == Counter(_DIGITS.findall(translation))


def rewrite_numbers(text: str, translation: str, source: str, language: str) -> str:
    """Return the translation, with numbers that a model took over as they are written in its
    language."""
    from babel.core import Locale, UnknownLocaleError
    from babel.numbers import NumberFormatError, format_decimal, parse_decimal

    for number in set(_PARTED.findall(text)):
        try:
            value = parse_decimal(number, locale=source, strict=True)
            pattern = "#,##0" if value == int(value) else f"#,##0.{_decimals(value) * '0'}"
            written = format_decimal(value, pattern, locale=Locale.parse(language, sep="-"))
        except (NumberFormatError, UnknownLocaleError, ValueError):
            continue
        alone = rf"(?<![\w.,]){re.escape(number)}(?![\w]|[.,]\d)"
        translation = re.sub(alone, written, translation)
    return translation


def _decimals(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def _translate_whole(pieces: Sequence[str], shouted: bool, translate: Translate) -> str | None:
    """Translate the text at once, with words in place of what is kept; None if one is lost."""
    # Notes and tags at either end need no stand-in; a name there is part of the sentence.
    first = 2 * (len(pieces) > 1 and not pieces[0].strip() and _is_dressing(pieces[1]))
    last = len(pieces)
    if last > first + 1 and not pieces[-1].strip() and _is_dressing(pieces[-2]):
        last -= 2
    before, inner, after = "".join(pieces[:first]), pieces[first:last], "".join(pieces[last:])
    held = inner[1::2]
    if len(held) > len(_STAND_INS):
        return None
    sent = "".join(
        _STAND_INS[place // 2] if place % 2 else _hush(piece, shouted, place == 0)
        for place, piece in enumerate(inner)
    )
    said = _translate_words(sent, shouted, translate)
    for stand_in, piece in zip(_STAND_INS, held, strict=False):
        found = re.findall(stand_in, said, re.IGNORECASE)
        if len(found) != 1:
            return None
        said = said.replace(found[0], piece)
    return " ".join(f"{before}{said}{after}".split())


def _translate_holding_numbers(
    pieces: Sequence[str], shouted: bool, translate: Translate
) -> str | None:
    return _translate_whole(_hold_numbers(pieces), shouted, translate)


def _translate_pieces(pieces: Sequence[str], shouted: bool, translate: Translate) -> str:
    """Translate what stands between, each by itself: words may be worse, and nothing is lost."""
    told = [
        piece
        if place % 2 or not _has_letters(piece)
        else _translate_words(_hush(piece, shouted, place == 0), shouted, translate)
        for place, piece in enumerate(_hold_numbers(pieces))
    ]
    return " ".join("".join(told).split())


def _translate_words(piece: str, shouted: bool, translate: Translate) -> str:
    """Translate words, with the spaces at their ends, and no full stop that they have not."""
    start, end = piece[: len(piece) - len(piece.lstrip())], piece[len(piece.rstrip()) :]
    said = _translate_sentences(piece.strip(), shouted, translate)
    return f"{start}{said if piece.rstrip().endswith('.') else said.rstrip('.')}{end}"


def _translate_sentences(text: str, shouted: bool, translate: Translate) -> str:
    said = " ".join(translate([each for sentence in _sentences(text) for each in _cut(sentence)]))
    for opening, bracketed in _BRACKETS.items():
        if opening not in text:
            said = bracketed.sub("", said)
    told = " ".join(said.split())
    return told.upper() if shouted else told


def _hold_numbers(pieces: Sequence[str]) -> list[str]:
    """Return the pieces with their numbers among what is kept."""
    held: list[str] = []
    for place, piece in enumerate(pieces):
        if place % 2:
            held.append(piece)
        else:
            held += _part(piece, [found.span() for found in _NUMBER.finditer(piece)])
    return held


def _part(text: str, kept: Sequence[tuple[int, int]]) -> list[str]:
    """Part a text into words, what is kept, words, and so on; words come first and last, maybe
    none."""
    pieces, begin = [], 0
    for start, end in kept:
        pieces += [text[begin:start], text[start:end]]
        begin = end
    return [*pieces, text[begin:]]


def _find_kept(text: str, source: str) -> Iterator[tuple[int, int]]:
    """Tell where something stands that is not for translating, joined where only spaces are
    between."""
    spans = [found.span() for found in _KEPT.finditer(text)]
    taken, in_name = list(spans), False
    for found in _WORD.finditer(text):
        if any(start < found.end() and found.start() < end for start, end in taken):
            continue
        # Whoever has one name of other letters has others that look like words.
        in_name = _is_kept(found[0], source) or (in_name and found[0][0].isupper())
        if in_name:
            spans.append(found.span())
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    yield from joined


def _is_kept(word: str, source: str) -> bool:
    odd = bool(_ODD & set(word)) or bool(_ODD_WORD.fullmatch(word))
    return odd or any(
        unicodedata.category(sign) in ("So", "Sk", "Cs") or _is_foreign(sign, source)
        for sign in word
    )


@lru_cache(maxsize=4096)
def _is_foreign(sign: str, source: str) -> bool:
    """Whether it is a letter that nobody writes this language with."""
    if not sign.isalpha():
        return False
    script = unicodedata.name(sign, "").partition(" ")[0]
    if script not in _scripts(source):
        return True
    most = 0xFF if source in _WESTERN.split() else 0x24F
    return script == "LATIN" and ord(sign) > most and sign not in "œŒŠšŽžĳ"


@lru_cache(maxsize=256)
def _scripts(source: str) -> Collection[str]:
    from langcodes import Language

    script = Language.get(source).maximize().script or "Latn"
    # One that is not listed is called by Unicode as its code begins: Arab, ARABIC.
    return _SCRIPTS.get(script) or (Language.make(script=script).script_name().upper(), "LATIN")


def _is_dressing(kept: str) -> bool:
    """Whether it is nothing that is said."""
    return not _has_letters(_TAG.sub("", kept))


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))


def _is_shouted(text: str) -> bool:
    """Whether it is all capitals, and more than an abbreviation."""
    return text.isupper() and len(re.findall(r"[^\W\d_]{2,}", text)) > 1


def _hush(text: str, shouted: bool, begins: bool) -> str:
    if not shouted:
        return text
    return text.capitalize() if begins else text.lower()


def _sentences(text: str) -> Iterator[str]:
    begin = 0
    for found in _SENTENCE.finditer(text):
        if _SHORT.search(text[begin : found.start()]):
            continue
        yield text[begin : found.end()].strip()
        begin = found.end()
    if text[begin:].strip():
        yield text[begin:].strip()


def _cut(sentence: str) -> Iterator[str]:
    """Cut a long sentence by its clauses, as many together as are not too many words."""
    if len(sentence.split()) <= _MOST_WORDS:
        yield sentence
        return
    words: list[str] = []
    for clause in _CLAUSE.split(sentence):
        if words and len(words) + len(clause.split()) > _MOST_WORDS:
            yield " ".join(words)
            words = []
        words += clause.split()
        while len(words) > _MOST_WORDS:
            yield " ".join(words[:_MOST_WORDS])
            words = words[_MOST_WORDS:]
    if words:
        yield " ".join(words)


def _tidy(text: str) -> str:
    """Write a text on one line, with the quotation marks that models know."""
    seen = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text)
    return " ".join(seen.translate(_QUOTES).split())
