"""Languages: one spelling for each, with the names and codes that files and pages want.

>>> language("ES").iso639_2, language("es").name
('spa', 'Spanish')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import langcodes

from dub_platform.core.errors import SpokenLanguageError, UnknownLanguageError

# The language of a video for which nobody named one, as long as nobody can tell.
AUTO = "auto"
# With what a region, a script or a variant adds to it: es-419, zh_Hant, pt-BR.
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8}){0,4}")
# Unknown, several, none, uncoded, and the range that anybody may give a meaning of their own.
_NOT_ONE_LANGUAGE = re.compile(r"und|mul|zxx|mis|q[a-t][a-z]")


@dataclass(frozen=True)
class Language:
    """`code` is the shortest ISO 639 code, `iso639_2` the three letters MP4 files carry."""

    code: str
    iso639_2: str
    name: str
    own_name: str


# There are few, and each name is looked for in tables of thousands.
@lru_cache(maxsize=1024)
def language(text: str) -> Language:
    """The language that `text` names by its ISO 639 code, or by a tag that begins with one.

    What the tag says of a region or a script is left out. Raises UnknownLanguageError.
    """
    text = text.strip()
    named = _TAG.fullmatch(text)
    tag = langcodes.Language.get(named[1], normalize=True) if named else None
    if tag is None or not tag.is_valid() or _NOT_ONE_LANGUAGE.fullmatch(tag.to_tag()):
        raise UnknownLanguageError(
            f"{text[:20]!r} is not a language code: give ISO 639 codes such as es, ca or pt."
        )
    # Some codes stand for more than a language: sh is sr-Latn, Serbian in Latin letters.
    tag = langcodes.Language.make(language=tag.language)
    return Language(
        code=tag.to_tag(),
        iso639_2=tag.to_alpha3(),
        name=tag.display_name("en"),
        own_name=tag.autonym(),
    )


def tags_of(code: str) -> frozenset[str]:
    """What files call the language of this code; none for `auto`."""
    if code == AUTO:
        return frozenset()
    tag = langcodes.Language.make(language=code)
    # German is deu, and ger in older files.
    return frozenset({code, tag.to_alpha3(), tag.to_alpha3(variant="B")})


def code_in(tag: str | None) -> str | None:
    """The code of the language in a tag such as `en-US`; None where it names no one language."""
    try:
        return language(tag or "").code
    except UnknownLanguageError:
        return None


def require_target(
    wanted: str, spoken: str, targets: Callable[[str], Sequence[str]], engine: str
) -> None:
    """Raises SpokenLanguageError where what is spoken cannot be translated into this language.

    `targets` says what a source language can be translated into, by the engine of that name. A
    request for a video of which nobody knew the language is judged so, once it is known.
    """
    possible = targets(spoken)
    if wanted not in possible:
        why = "which is the language that this dub was asked for in"
        if wanted != spoken:
            why = f"which {engine} does not translate into {language(wanted).name}"
        raise SpokenLanguageError(
            f"{language(spoken).name} ({spoken}) is spoken in this video, {why}, so nothing was "
            f"translated. It can be translated into: {', '.join(possible) or 'none'}."
        )
