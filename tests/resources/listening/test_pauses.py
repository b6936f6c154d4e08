"""The pauses of a release beside those of its source, as the IWSLT dubbing track counts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dub_platform.core.speech import Span
from resources.listening.pauses import Pauses, Sentence, compare_pauses, find_speech
from tests.support.recipes.hearing import say_again
from tests.support.recipes.media import RATE, make_sound, silence
from tests.support.recipes.speech import BOATS, WATER
from tests.support.recipes.speech import RATE as SPEECH_RATE

# Two phrases of a second and of two, with half a second between them.
SPEECH = (Span(1.0, 2.0), Span(2.5, 4.5))
SLOT = Span(1.0, 4.5)


def found(*said: Span, ends: float | None = None) -> Pauses:
    """What is counted of one sentence with these stretches of speech in the release."""
    heard = Span(said[0].start, ends or said[-1].end) if said else None
    return compare_pauses([Sentence(SLOT, heard)], SPEECH, said)


def test_the_same_pauses_are_all_kept() -> None:
    """Nothing is off."""
    assert Pauses(1.0, 1.0, 0.0, 0) == found(*SPEECH)


def test_a_sentence_without_its_pause_is_wrong_and_all_of_it_off() -> None:
    """However well it fits as a whole."""
    assert Pauses(0.0, 0.0, 1.0, 1) == found(Span(1.0, 4.5))


def test_a_pause_too_many_is_wrong() -> None:
    """The other is still where it was."""
    assert Pauses(1.0, 0.0, 1.0, 1) == found(Span(1.0, 2.0), Span(2.5, 3.5), Span(4.0, 4.5))


def test_segments_are_compared_in_their_order() -> None:
    """One is half as long, and off by more than 0.3 s; the other is as it was."""
    kept = found(Span(1.0, 1.5), Span(2.5, 4.5))
    assert (1.0, pytest.approx(0.75), 0.5, 0) == (
        kept.in_place,
        kept.duration_ratio,
        kept.segments_off,
        kept.wrong,
    )


@pytest.mark.parametrize(("late", "share"), [(0.25, 1.0), (-0.25, 1.0), (0.35, 0.0)])
def test_a_pause_is_in_its_place_to_0_3_s(late: float, share: float) -> None:
    """By where the voice goes on."""
    assert share == found(SPEECH[0], Span(2.5 + late, 4.5)).in_place


def test_a_sentence_that_is_not_heard_has_nothing_right() -> None:
    """Its segments are off, its pauses are not there."""
    assert Pauses(0.0, 0.0, 1.0, 1) == found()


def test_where_there_is_no_pause_no_share_is_made_up() -> None:
    """Nor where nothing is said."""
    assert Pauses(None, None, None, 0) == compare_pauses([], SPEECH[:1], SPEECH[:1])


def test_what_reaches_over_from_a_neighbour_is_no_segment() -> None:
    """Captions are not exact."""
    sentence = Sentence(Span(0.0, 2.55), Span(0.0, 2.55))
    assert Pauses(1.0, 1.0, 0.0, 0) == compare_pauses([sentence], SPEECH, SPEECH)


@pytest.mark.parametrize("suffix", [".m4a", ".flac"])
def test_speech_is_found_in_a_released_file(tmp_path: Path, suffix: str) -> None:
    """In any rate and coding, each phrase where it was put."""
    phrases = [say_again(WATER), say_again(BOATS)]
    quiet = silence(0.5, rate=SPEECH_RATE)
    sound = np.concatenate([quiet, phrases[0], quiet, phrases[1], quiet])
    made = make_sound(tmp_path / f"track{suffix}", sound, rate=SPEECH_RATE, ar=RATE)
    starts = [0.5, 1.0 + len(phrases[0]) / SPEECH_RATE]
    assert pytest.approx(starts, abs=0.06) == [
        span.start for span in find_speech(made, into=tmp_path)
    ]
