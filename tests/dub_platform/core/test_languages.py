"""Languages: one spelling for each, and the codes that files want."""

from __future__ import annotations

import re
from itertools import product
from string import ascii_lowercase

import pytest

from dub_platform.core.errors import SpokenLanguageError, UnknownLanguageError
from dub_platform.core.languages import (
    Language,
    code_in,
    language,
    nearest,
    nearest_voice,
    require_target,
    spoken_code,
)


def test_a_language_has_its_codes_and_names() -> None:
    """For paths, for MP4 files, for English readers and for its own."""
    assert Language("es", "spa", "Spanish", "espa\u00f1ol") == language("es")


@pytest.mark.parametrize(
    ("text", "code"),
    [("ES", "es"), (" ca ", "ca"), ("spa", "es"), ("deu", "de"), ("ger", "de"), ("iw", "he"),
     ("es_es", "es-ES"), ("ES-419", "es-419"), ("pt_BR", "pt-BR"), ("zh-hant", "zh-Hant"),
     ("zh-Hant-TW", "zh-Hant-TW"), ("sh", "sr-Latn"), ("en-Latn-GB", "en-GB"),
     ("ca-valencia", "ca"), ("de-CH-1996", "de-CH")],
)  # fmt: skip
def test_every_spelling_is_the_same_language(text: str, code: str) -> None:
    """Old, long and loud codes, and tags, are one tag, with its region and an unusual script."""
    assert language(code) == language(text)
    assert code == language(text).code


@pytest.mark.parametrize(
    ("code", "direction"),
    [("ar", "rtl"), ("fa", "rtl"), ("he", "rtl"), ("ur-PK", "rtl"), ("ku", "ltr"), ("ja", "ltr")],
)
def test_a_language_has_the_direction_of_its_script(code: str, direction: str) -> None:
    """Which pages and players have to be told."""
    assert direction == language(code).direction


@pytest.mark.parametrize(
    ("wanted", "known", "reads", "sounds"),
    [
        ("pt-BR", ("es", "pt"), "pt", "pt"),
        ("pt-BR", ("pt", "pt-BR"), "pt-BR", "pt-BR"),
        ("es-419", ("es-ES", "es-MX"), "es-MX", "es-MX"),
        ("no", ("da", "nb"), "nb", "nb"),
        ("zh", ("zh-Hans", "zh-Hant"), "zh-Hans", "zh-Hans"),
        ("zh-TW", ("zh-Hans", "zh-Hant"), "zh-Hant", "zh-Hant"),
        ("zh-Hant", ("en", "zh"), None, "zh"),
        ("zh-TW", ("cmn", "zh"), None, "zh"),
        ("sr-Latn", ("hr", "sr"), None, "sr"),
        ("bs", ("hr", "sr"), None, None),
        ("gl", ("es", "pt"), None, None),
        ("", ("es", "pt"), None, None),
        ("es+f2", ("es", "pt"), None, None),
        ("../es", ("es", "pt"), None, None),
    ],
)
def test_a_region_is_served_by_another_of_its_language(
    wanted: str, known: tuple[str, ...], reads: str | None, sounds: str | None
) -> None:
    """Never by another language, and by another script for ears alone."""
    assert (reads, sounds) == (nearest(wanted, known), nearest_voice(wanted, known))


def test_what_is_heard_has_neither_region_nor_script() -> None:
    """Recognisers know languages alone."""
    assert ["pt", "zh", "sr"] == [spoken_code(tag) for tag in ("pt-BR", "zh_Hant", "sh")]


@pytest.mark.parametrize(
    ("code", "iso639_2"), [("de", "deu"), ("eo", "epo"), ("gl", "glg"), ("cmn", "cmn")]
)
def test_files_carry_three_letters(code: str, iso639_2: str) -> None:
    """The terminological code where there are two."""
    assert iso639_2 == language(code).iso639_2


@pytest.mark.parametrize(
    "text",
    ["", "e", "zz", "xx", "qqq", "english", "es-", "es ES", "x-klingon", "-es", "e1", "../",
     "es\nca", "es-e", "und", "mul", "zxx", "mis", "qaa", "\u0435\u0441"],
)  # fmt: skip
def test_what_is_no_language_is_refused(text: str) -> None:
    """Unknown codes, what is no tag, and codes for no language or any."""
    with pytest.raises(UnknownLanguageError):
        language(text)


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en-US", "en"),
        ("zh-Hans", "zh"),
        ("iw", "he"),
        ("es", "es"),
        ("", None),
        (None, None),
        ("zxx", None),
        ("original", None),
        ("../", None),
    ],
)
def test_a_tag_has_the_code_of_its_language(tag: str | None, code: str | None) -> None:
    """Whatever country or script it names; what names no language has none."""
    assert code == code_in(tag)


def test_every_language_is_named_by_its_own_code() -> None:
    """Whatever a two-letter code stands for, its language has a tag that leads back."""
    known: list[Language] = []
    for first, second in product(ascii_lowercase, repeat=2):
        try:
            known.append(language(first + second))
        except UnknownLanguageError:
            continue
    assert len(known) > 180
    assert known == [language(each.code) for each in known]
    tags = [f"{one.code} {one.iso639_2}" for one in known]
    assert all(re.fullmatch("[a-z]{2,3}(-Latn)? [a-z]{3}", tag) for tag in tags)


@pytest.mark.parametrize(
    ("wanted", "spoken", "why"),
    [
        ("es", "es", "which is the language that this dub was asked for in, so nothing"),
        ("de", "es", "which engine 1 does not translate into German, so nothing"),
    ],
)
def test_what_is_spoken_may_not_go_into_what_was_asked_for(
    wanted: str, spoken: str, why: str
) -> None:
    """The sentence says which of two reasons it is, and what is possible instead."""
    with pytest.raises(SpokenLanguageError) as refused:
        require_target(wanted, spoken, lambda _: ("ca", "en"), "engine 1")
    assert why in refused.value.sentence
    assert "It can be translated into: ca, en." in refused.value.sentence
    require_target("ca", spoken, lambda _: ("ca", "en"), "engine 1")
