"""Measures of stretched speech: what is done to it is what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.stretch import Result, _relative, as_json
from benchmarks.stretchers import ATEMPO, OURS, list_installed
from tests.support.likeness import Likeness, likeness, spectral_distance_db
from tests.support.recipes.media import Sound
from tests.support.recipes.speech import FISHERMAN, RATE, count_wrong_words, say

RESULT = Result("ours", *(float(number) for number in range(14)))


@pytest.fixture(scope="module")
def speech() -> Sound:
    return say(FISHERMAN, "slt").astype(np.float32)


def found(speech: Sound, after: Sound, tempo: float = 1.0) -> Likeness:
    return likeness(speech, after, rate=RATE, tempo=tempo)


def test_speech_is_like_itself(speech: Sound) -> None:
    """Nothing is off, and every onset is kept."""
    same = found(speech, speech)
    assert (0.0, 0.0, 1.0, 0.0) == (same.pitch_p95_cents, same.mcd_db, same.step, same.length_ms)
    assert (1.0, 0.0) == (same.onsets_kept, same.onsets_false)


def test_a_delay_is_told_apart(speech: Sound) -> None:
    """To a millisecond, and nothing else is blamed for it."""
    late = found(speech, np.pad(speech, (round(0.02 * RATE), 0)))
    assert pytest.approx(20.0, abs=1.0) == late.delay_ms
    assert late.pitch_median_cents < 1.0


def test_a_changed_pitch_is_heard(speech: Sound) -> None:
    """Played 1.06 times as fast, it is a semitone higher."""
    moments = np.arange(0, len(speech) - 1, 1.06)
    faster = np.interp(moments, np.arange(len(speech)), speech).astype(np.float32)
    assert (
        pytest.approx(1200 * np.log2(1.06), abs=5) == found(speech, faster, 1.06).pitch_median_cents
    )


def test_a_click_is_a_step_and_an_onset(speech: Sound) -> None:
    """One sample at full scale in the quietest part."""
    clicked = speech.copy()
    quiet = np.convolve(np.square(speech), np.ones(800), "same")[4_000:-4_000].argmin() + 4_000
    clicked[quiet] = 1.0
    worse = found(speech, clicked)
    assert worse.step > 2.0
    assert worse.onsets_false > 0.0


def test_smeared_onsets_are_weaker(speech: Sound) -> None:
    """An echo over 40 ms takes the edge off consonants, and changes the timbre."""
    echo = np.hanning(round(0.04 * RATE)) * np.random.default_rng(1).standard_normal(640)
    smeared = np.convolve(speech, echo / np.abs(echo).sum() * 4, "same").astype(np.float32)
    worse = found(speech, smeared)
    assert worse.onsets_kept < 0.9
    assert worse.mcd_db > 2.0


def test_the_spectral_distance_of_half_the_level_is_six_decibels(speech: Sound) -> None:
    """Where speech is, nearly all frequencies are as far: the rest is under the floor."""
    assert pytest.approx(6.0, abs=1.0) == spectral_distance_db(speech, speech / 2, RATE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("heard", "errors"), [("a b c", 0), ("a c", 1), ("a b b c", 1), ("a x c", 1), ("", 3)]
)
def test_word_errors_are_left_out_put_in_or_changed(heard: str, errors: int) -> None:
    """The least that makes one of the other."""
    assert errors == count_wrong_words(["a", "b", "c"], heard.split())


def test_cost_is_told_as_a_ratio() -> None:
    """To atempo's, from the same run."""
    others = [RESULT, replace(RESULT, name=ATEMPO.name, cpu_ratio=3.0)]
    assert [4.0, 1.0] == [result.cpu_ratio for result in _relative(others)]
    assert '{"ours": {"length_ms": 0.0, ' in as_json([RESULT])


def test_ours_is_compared_with_what_is_here() -> None:
    """What dubbing needs anyway is always here; the rest comes with an extra."""
    names = [stretcher.name for stretcher in list_installed()]
    assert {OURS.name, ATEMPO.name, "sonic"} <= set(names)
