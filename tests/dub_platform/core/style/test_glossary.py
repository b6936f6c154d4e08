"""The glossary: what it takes, what it finds, and what it misses."""

from __future__ import annotations

from typing import Any

import pytest

from dub_platform.core.errors import InvalidRequestError, UnknownLanguageError
from dub_platform.core.style.glossary import LONGEST_TERM, MOST_TERMS, Glossary, Term

GLOSSARY = Glossary.parse({"Go": None, "harbor": {"es": "puerto", "ca": "port"}})
KEPT, RENDERED = Term("Go"), Term("harbor", "puerto")


def test_terms_are_those_of_the_text_and_the_language() -> None:
    """Nothing is sent that a line has no use for."""
    text = "We sail from the harbor, and Go is the boat."
    assert (KEPT, RENDERED) == GLOSSARY.terms_in(text, "es")
    assert (KEPT,) == GLOSSARY.terms_in(text, "de")
    assert () == GLOSSARY.terms_in("The sea is cold.", "es")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The HARBOR!", True),
        ("two harbors", True),
        ("harboring a grudge", False),
        ("unharbor", False),
        ("harbor", True),
    ],
)
def test_a_word_to_translate_is_found_in_its_forms(text: str, found: bool) -> None:
    """Its plural is the same word; a word that begins alike is another."""
    assert found == RENDERED.is_in(text)


@pytest.mark.parametrize(("text", "found"), [("Go!", True), ("Going home", False), ("Gos", False)])
def test_a_word_to_keep_is_found_as_it_is(text: str, found: bool) -> None:
    """A name has no plural."""
    assert found == KEPT.is_in(text)


@pytest.mark.parametrize("text", ["今天港口很美。", "เราอยู่ที่ท่าเรือ港口"])
def test_scripts_without_spaces_have_words_too(text: str) -> None:
    """Where nothing stands between words, a term is wherever its characters are."""
    assert Term("港口", "port").is_in(text)


def test_signs_in_a_term_are_only_signs() -> None:
    """C++ is a name and no pattern."""
    assert Term("C++").is_in("I write C++ all day")
    assert not Term("a.c").is_in("abc")


@pytest.mark.parametrize(
    ("text", "translation", "missed"),
    [
        ("the harbor", "el puerto", ()),
        ("the harbors", "los Puertos", ()),
        ("the harbor", "la bahía", (RENDERED,)),
        ("the sea", "el mar", ()),
        ("Go is a boat in the harbor", "Ir es un barco en el puerto", (KEPT,)),
    ],
)
def test_what_a_translation_misses_is_said(
    text: str, translation: str, missed: tuple[Term, ...]
) -> None:
    """Kept words as they are, renderings in any of their forms."""
    assert missed == GLOSSARY.find_missed(text, translation, "es")


def test_the_request_decides_over_the_channel() -> None:
    """Both are heeded where they do not differ."""
    channel = Glossary.parse({"harbor": {"es": "bahía"}, "sea": {"es": "mar"}})
    both = channel | GLOSSARY
    assert (RENDERED, Term("sea", "mar")) == both.terms_in("harbor and sea", "es")


def test_a_language_has_its_part_of_a_glossary() -> None:
    """The words that are kept, and those that it has a rendering for."""
    assert Glossary({"Go": None, "harbor": {"es": "puerto"}}) == GLOSSARY.in_language("es")
    assert Glossary({"Go": None}) == GLOSSARY.in_language("de")


def test_a_term_says_what_becomes_of_it() -> None:
    """A kept one is itself."""
    assert ("Go", "harbor → puerto") == (str(KEPT), str(RENDERED))


def test_a_term_is_made_once() -> None:
    """A long glossary is asked about thousands of lines, and a pattern takes its time to make."""
    [one], [other] = (GLOSSARY.terms_in(text, "es") for text in ("the harbor", "two harbors"))
    assert one is other


def test_an_empty_glossary_is_none() -> None:
    """There is nothing in it to heed."""
    assert (True, False) == (bool(GLOSSARY), bool(Glossary()))


def test_languages_are_spelled_in_one_way() -> None:
    """What the request calls ES is what the dub calls es."""
    assert (RENDERED,) == Glossary.parse({"harbor": {"ES": "puerto"}}).terms_in("harbor", "es")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "harbor = puerto",
        {"": None},
        {"  ": None},
        {"a\0b": None},
        {"x" * (LONGEST_TERM + 1): None},
        {"harbor": "puerto"},
        {"harbor": {}},
        {"harbor": {"es": ""}},
        {"harbor": {"es": 7}},
        {"harbor": {"es": None}},
        {f"word {n}": None for n in range(MOST_TERMS + 1)},
    ],
)
def test_what_is_no_glossary_is_refused(value: Any) -> None:
    """The sentence says what one looks like."""
    with pytest.raises(InvalidRequestError, match="glossary"):
        Glossary.parse(value)


def test_a_language_that_is_none_is_refused() -> None:
    """By its own error, which names the code."""
    with pytest.raises(UnknownLanguageError, match="klingon"):
        Glossary.parse({"harbor": {"klingon": "vergh"}})
