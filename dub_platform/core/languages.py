"""Languages: one spelling for each, with the names and codes that files and pages want.

>>> language("PT_br").code, language("pt-BR").iso639_2, language("zh-Hant").name
('pt-BR', 'por', 'Chinese (Traditional)')
>>> nearest("pt-BR", ("es", "pt")), nearest("zh-TW", ("zh-Hans", "zh-Hant"))
('pt', 'zh-Hant')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import langcodes
from langcodes.tag_parser import LanguageTagError

from dub_platform.core.errors import SpokenLanguageError, UnknownLanguageError

# The language of a video for which nobody named one, as long as nobody can tell.
AUTO = "auto"
# With what a region, a script or a variant adds to it: es-419, zh_Hant, pt-BR.
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
# What parts a language as it is said and written in two regions, by CLDR's table of distances.
# Bosnian and Croatian are 8 apart.
_REGIONS_APART = 5
_RIGHT_TO_LEFT = frozenset({"Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"})
# Unknown, several, none, uncoded, and the range that anybody may give a meaning of their own.
_NOT_ONE_LANGUAGE = re.compile(r"und|mul|zxx|mis|q[a-t][a-z]")


@dataclass(frozen=True)
class Language:
    """A language, as it is said and written in a region where one is named.

    `code` is its BCP 47 tag, such as `es`, `pt-BR` or `zh-Hant`; `iso639_2` the three letters that
    MP4 files carry; `direction` is `rtl` where its script runs from right to left.
    """

    code: str
    iso639_2: str
    name: str
    own_name: str
    direction: Literal["ltr", "rtl"] = "ltr"


# There are few, and each name is looked for in tables of thousands.
@lru_cache(maxsize=1024)
def language(text: str) -> Language:
    """Return the language that `text` names by an ISO 639 code or a BCP 47 tag.

    Its region stays, and its script where it is not the usual one; variants and extensions are left
    out. Raises UnknownLanguageError.
    """
    tag = _parse(text.strip())
    if tag is None or not tag.is_valid() or _NOT_ONE_LANGUAGE.fullmatch(tag.language or "und"):
        raise UnknownLanguageError(
            f"{text[:20]!r} is not a language code: give a BCP 47 tag such as es, pt-BR, es-419 or "
            "zh-Hant."
        )
    kept = langcodes.Language.make(tag.language, script=tag.script, territory=tag.territory)
    kept = kept.simplify_script()
    return Language(
        code=kept.to_tag(),
        iso639_2=kept.to_alpha3(),
        name=kept.display_name("en"),
        own_name=kept.autonym(),
        direction="rtl" if kept.maximize().script in _RIGHT_TO_LEFT else "ltr",
    )


def _parse(text: str) -> langcodes.Language | None:
    if not _TAG.fullmatch(text):
        return None
    try:
        return langcodes.Language.get(text, normalize=True)
    except LanguageTagError:
        return None


def spoken_code(text: str) -> str:
    """Return the code of the language that is said, whatever its region and its script.

    Recognisers know languages alone. Raises UnknownLanguageError.
    """
    return str(langcodes.Language.get(language(text).code).language)


def nearest(wanted: str, known: Collection[str]) -> str | None:
    """Return which of these languages reads as the wanted one does, if any.

    It is in the same script, and in the same region before it is in another.
    """
    if wanted not in known and _parse(wanted) is None:
        return None
    near = _nearest(wanted, tuple(known))
    return near if near is None or near == wanted or _script(near) == _script(wanted) else None


def nearest_voice(wanted: str, known: Collection[str]) -> str | None:
    """Return which of these languages sounds as the wanted one does, however either is written."""
    if wanted in known:
        return wanted
    tag = _parse(wanted)
    if tag is None:
        return None
    regional = langcodes.Language.make(tag.language, territory=tag.territory).to_tag()
    # Taiwan's Chinese is in another script than the usual one, which nobody hears.
    near = (_nearest(code, tuple(known)) for code in (regional, str(tag.language)))
    return next(filter(None, near), None)


@lru_cache(maxsize=4096)
def _nearest(wanted: str, known: tuple[str, ...]) -> str | None:
    if wanted in known:
        return wanted
    # The first of those that are equally far: in an order, so that it is always the same.
    return langcodes.closest_supported_match(wanted, sorted(known), _REGIONS_APART)


@lru_cache(maxsize=1024)
def _script(code: str) -> str | None:
    return langcodes.Language.get(code).maximize().script


def tags_of(code: str) -> frozenset[str]:
    """Return what files call the language of this code; nothing for `auto`."""
    if code == AUTO:
        return frozenset()
    tag = langcodes.Language.get(code)
    # German is deu, and ger in older files.
    return frozenset({str(tag.language), tag.to_alpha3(), tag.to_alpha3(variant="B")})


def code_in(tag: str | None) -> str | None:
    """Return the language that is said in a tag such as `en-US`; None where it names no one
    language."""
    try:
        return spoken_code(tag or "")
    except UnknownLanguageError:
        return None


def require_target(
    wanted: str, heard: str, targets: Callable[[str], Sequence[str]], engine: str
) -> None:
    """Raise SpokenLanguageError where what is spoken cannot be translated into this language.

    `targets` says what a source language can be translated into, by the engine of that name. A
    request for a video of which nobody knew the language is judged so, once it is known.
    """
    possible = targets(heard)
    if nearest(wanted, possible) is None:
        why = "which is the language that this dub was asked for in"
        if wanted != heard:
            why = f"which {engine} does not translate into {language(wanted).name}"
        raise SpokenLanguageError(
            f"{language(heard).name} ({heard}) is spoken in this video, {why}, so nothing was "
            f"translated. It can be translated into: {', '.join(possible) or 'none'}."
        )
