"""What a translation has lost is told, with its line; what is only said otherwise is not."""

from __future__ import annotations

import pytest

from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.glossary import Glossary
from resources.translator.fidelity import find_losses

NOTHING = Glossary()


def losses_of(
    text: str, said: str, *, engine: str = "openai", language: str = "es", glossary: Glossary
) -> list[str]:
    """The sentences about one line, the fourth."""
    transcript = Transcript("en", "captions", (Line(3, 0.0, 3.0, text),))
    translation = Translation(language, engine, (TranslatedLine(3, said),))
    return [each.sentence for each in find_losses(transcript, translation, glossary)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The boat costs $1,299.99 today.", "El barco cuesta hoy 1.299,99 $."),
        ("There are 7 boats in the harbor.", "Hay siete barcos en el puerto."),
        ("We leave at 18:30 with 25 people.", "Salimos a las 18:30 con 25 personas."),
        ("The people here love the sea.", "La gente de aquí ama el mar y a los barcos."),
        ("Yes.", "Yes."),
    ],
)
def test_what_is_said_otherwise_is_not_told(text: str, said: str) -> None:
    """Separators, small numbers in words, and what is too short to tell."""
    assert [] == losses_of(text, said, glossary=NOTHING)


def test_a_lost_number_is_told_with_the_line() -> None:
    """By its digits, with both texts."""
    [told] = losses_of("It costs $1,299.", "Cuesta mucho dinero.", glossary=NOTHING)
    assert "Line 3 lacks 1299 of `It costs $1,299.` in `Cuesta mucho dinero.`." == told


@pytest.mark.parametrize("engine", ["openai", "apertium 3.8.3"])
def test_a_line_that_nobody_translated_is_told(engine: str) -> None:
    """Whoever it was."""
    text = "Every summer, many people come to visit us."
    [told] = losses_of(text, text, engine=engine, glossary=NOTHING)
    assert told.startswith("Line 3 is in English and not in Spanish: ")


def test_a_line_in_a_third_language_is_told() -> None:
    """Where it is long enough to be sure of."""
    said = (
        "Chaque été, beaucoup de gens viennent nous rendre visite, parce que la mer est belle et "
        "que le marché du village est ouvert tous les matins."
    )
    [told] = losses_of("Every summer, people come to visit us.", said, glossary=NOTHING)
    assert told.startswith("Line 3 is in French and not in Spanish: ")


def test_a_region_of_the_language_is_the_language() -> None:
    """Brazil's Portuguese is Portuguese."""
    said = "Todo verão, muitas pessoas vêm nos visitar no porto da nossa cidade."
    assert [] == losses_of("People come.", said, language="pt-BR", glossary=NOTHING)


def test_a_word_of_the_glossary_that_is_missing_is_told() -> None:
    """Whether it is to be kept or rendered in one way."""
    glossary = Glossary.parse({"Acme": None, "harbor": {"es": "puerto"}})
    said = "Bienvenidos a la bahía de la empresa."
    [told] = losses_of("Welcome to the harbor of Acme.", said, glossary=glossary)
    assert told.startswith("Line 3 lacks Acme, harbor → puerto, which the glossary has, of ")
