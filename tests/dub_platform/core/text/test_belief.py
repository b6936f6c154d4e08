"""Which transcripts are believed, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dub_platform.core.errors import MisheardError, NoSpeechError
from dub_platform.core.speech import Line, Transcript
from dub_platform.core.text.belief import (
    confidence_of,
    judge_hearing,
    refuse_misheard,
    require_speech,
)

SURE = Line(0, 0.0, 1.0, "One two three four", confidence=0.9)
UNSURE = Line(1, 1.0, 2.0, "Five six", confidence=0.3)
HEARD = Transcript("en", "an engine", (SURE, UNSURE), least_confidence=0.7)


def test_each_word_counts_as_much() -> None:
    """However many are in its line; of no words nobody is sure."""
    assert 0.7 == pytest.approx(confidence_of(HEARD))
    assert 0.0 == confidence_of(replace(HEARD, lines=()))


@pytest.mark.parametrize(("least", "believed"), [(0.0, True), (0.7, True), (0.71, False)])
def test_a_recogniser_has_to_be_as_sure_as_it_says(least: float, believed: bool) -> None:
    """Captions have to be nothing."""
    assert believed == (judge_hearing(replace(HEARD, least_confidence=least)) is None)


def test_the_sentence_says_how_sure_and_what_can_be_done() -> None:
    """By the addresses of the API."""
    error = judge_hearing(replace(HEARD, least_confidence=0.9))
    assert error is not None
    assert error.sentence.startswith(
        "We may have misheard this video (70%): an engine is less sure"
    )
    for cure in ("source_language", "believe", "/captions", "/lines/N"):
        assert cure in error.sentence


def test_another_language_than_was_named_is_doubted() -> None:
    """However sure of its words the recogniser is."""
    error = judge_hearing(replace(HEARD, least_confidence=0.0, other_language="es"))
    assert error is not None
    assert "it sounds like Spanish (es), and not like English" in error.sentence


def test_what_somebody_corrected_is_believed() -> None:
    """A line is as sure as whoever wrote it."""
    lines = (SURE, replace(UNSURE, confidence=1.0))
    assert judge_hearing(replace(HEARD, lines=lines, least_confidence=0.9)) is None


def test_what_is_doubted_is_refused_unless_somebody_believes_it() -> None:
    """A run that an operator starts comes past the gate that holds it."""
    doubted = replace(HEARD, least_confidence=0.9)
    with pytest.raises(MisheardError, match="70%"):
        refuse_misheard(doubted, believed=False)
    refuse_misheard(doubted, believed=True)
    refuse_misheard(HEARD, believed=False)


def test_where_nobody_speaks_there_is_nothing_to_dub() -> None:
    """And captions are what helps, if somebody does."""
    require_speech(HEARD)
    with pytest.raises(NoSpeechError, match="hand it in again with captions"):
        require_speech(replace(HEARD, lines=()))
