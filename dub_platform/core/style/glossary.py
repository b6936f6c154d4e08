"""The glossary: words that a translation must keep, or must render in one way.

    glossary = Glossary.parse({"Dagster": None, "harbor": {"es": "puerto", "ca": "port"}})
    glossary.terms_in("Welcome to the harbor.", "es")    # (Term("harbor", "puerto"),)

None keeps a word as it is in every language. A channel's glossary and a request's are put
together with `channel | request`: where both know a word, the request decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unicodedata import category

from dub_platform.core.errors import InvalidRequestError
from dub_platform.core.languages import language as language_of
from dub_platform.core.languages import nearest

MOST_TERMS = 500
LONGEST_TERM = 100
# How many letters an inflection may add to a word, or take from its end.
_ENDING = 2
# What is shorter is in nearly every text, and would count as heeded.
_SHORTEST_STEM = 3


@dataclass(frozen=True)
class Term:
    """A word or phrase; `rendering` is None where it is kept as it is."""

    source: str
    rendering: str | None = None

    def __str__(self) -> str:
        return self.source if self.rendering is None else f"{self.source} → {self.rendering}"

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # What is kept as it is, is a name or a code: those are not inflected.
        ending = rf"\w{{0,{_ENDING}}}" if self.rendering else ""
        before = r"(?<!\w)" if _has_case(self.source[0]) else ""
        after = rf"{ending}(?!\w)" if _has_case(self.source[-1]) else ""
        return re.compile(before + re.escape(self.source) + after, re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        """Tell whether the text has this term: as a word of its own, inflected if it is
        translated."""
        return self._pattern.search(text) is not None

    def is_heeded(self, translation: str) -> bool:
        """Tell whether the translation has what it should; a rendering may be inflected."""
        if self.rendering is None:
            return self.source.casefold() in translation.casefold()
        stem = self.rendering[: max(_SHORTEST_STEM, len(self.rendering) - _ENDING)]
        return stem.casefold() in translation.casefold()


@dataclass(frozen=True)
class Glossary:
    """Renderings by word: None keeps the word, a mapping has one for each language code."""

    entries: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any) -> Glossary:
        """Read the glossary in a JSON object as above. Raises InvalidRequestError, naming
        the word."""
        if not isinstance(value, dict):
            raise InvalidRequestError(
                'A glossary is an object such as {"Acme": null, "harbor": {"es": "puerto"}}.'
            )
        if len(value) > MOST_TERMS:
            raise InvalidRequestError(
                f"A glossary has at most {MOST_TERMS} words; this one has {len(value)}."
            )
        return cls({_word(word): _renderings(word, given) for word, given in value.items()})

    def __or__(self, other: Glossary) -> Glossary:
        return Glossary({**self.entries, **other.entries})

    def __bool__(self) -> bool:
        return bool(self.entries)

    def in_language(self, language: str) -> Glossary:
        """Return the part of the glossary that concerns translations into this language."""
        return Glossary(
            {
                term.source: None if term.rendering is None else {language: term.rendering}
                for term in self._terms(language)
            }
        )

    def terms_in(self, text: str, language: str) -> tuple[Term, ...]:
        """Return the terms that a translation of `text` must heed, in alphabetical order."""
        return tuple(term for term in self._terms(language) if term.is_in(text))

    def find_missed(self, text: str, translation: str, language: str) -> tuple[Term, ...]:
        """Return the terms in `text` that its translation does not heed."""
        terms = self.terms_in(text, language)
        return tuple(term for term in terms if not term.is_heeded(translation))

    def _terms(self, language: str) -> tuple[Term, ...]:
        if language not in self._terms_by_language:
            self._terms_by_language[language] = tuple(self._find_terms(language))
        return self._terms_by_language[language]

    def _find_terms(self, language: str) -> Iterator[Term]:
        """Yield the terms of a language; one for another region of it serves as well."""
        for word, renderings in sorted(self.entries.items()):
            if renderings is None:
                yield Term(word, None)
            elif near := nearest(language, renderings):
                yield Term(word, renderings[near])

    @cached_property
    def _terms_by_language(self) -> dict[str, tuple[Term, ...]]:
        """Terms by language, kept with their patterns: a glossary is asked about every line."""
        return {}


def _renderings(word: str, given: Any) -> Mapping[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not given:
        raise InvalidRequestError(
            f"The glossary's {word[:40]!r} must be null, which keeps it as it is, or an object "
            'with its rendering by language, such as {"es": "puerto"}.'
        )
    return {language_of(str(code)).code: _word(rendering) for code, rendering in given.items()}


def _word(text: Any) -> str:
    """Return the text of a term without spaces around it. Raises InvalidRequestError."""
    word = " ".join(text.split()) if isinstance(text, str) else ""
    if not 0 < len(word) <= LONGEST_TERM or any(category(char) in ("Cc", "Cs") for char in word):
        raise InvalidRequestError(
            f"A word of a glossary is text of 1 to {LONGEST_TERM} characters; "
            f"{str(text)[:40]!r} is not."
        )
    return word


def _has_case(char: str) -> bool:
    """Tell whether a character has a capital. Scripts without capitals write words together, or
    join particles to them, so a term there has no border to look for."""
    return char.upper() != char.lower()
