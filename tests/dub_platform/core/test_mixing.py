"""The mixing plan: gains at known moments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.mixing import (
    ATTACK_SECONDS,
    RATE,
    RELEASE_SECONDS,
    SIDES_DEPTH_DB,
    VOICE_DEPTH_DB,
    Envelope,
    duck,
    merge_spans,
    sides_depth_db,
    widen_speech,
)
from dub_platform.core.speech import Span

moments = st.floats(0.0, 8.0)
spans = st.lists(
    st.builds(lambda start, seconds: Span(start, start + seconds), moments, st.floats(0.01, 3.0)),
    max_size=10,
)


def db_at(envelope: Envelope, second: float) -> float:
    """The gain at a moment, in dB."""
    return float(20 * np.log10(envelope.at(round(second * RATE), 1)[0]))


@given(spans)
def test_the_gain_is_at_its_depth_in_every_span(found: list[Span]) -> None:
    """From the first sample of each to its last, however they overlap."""
    envelope = duck(found, depth_db=-24.0)
    for span in found:
        for second in (span.start, (span.start + span.end) / 2, span.end):
            assert pytest.approx(-24.0, abs=0.05) == db_at(envelope, second)


@given(spans)
def test_away_from_spans_the_gain_is_one(found: list[Span]) -> None:
    """Exactly: what nobody speaks over is left as it was."""
    gains = duck(found, depth_db=-24.0).at(0, 13 * RATE)
    outside = np.ones(len(gains), dtype=bool)
    for span in merge_spans(found, within=ATTACK_SECONDS + RELEASE_SECONDS):
        first = max(0, int((span.start - ATTACK_SECONDS) * RATE))
        outside[first : int((span.end + RELEASE_SECONDS) * RATE) + 2] = False
    assert bool(np.all(gains[outside] == 1.0))


@given(spans, st.integers(RATE // 10, 5 * RATE))
def test_blocks_join_without_a_seam(found: list[Span], size: int) -> None:
    """The gain of a frame does not depend on the block it is asked for in."""
    envelope = duck(found, depth_db=-24.0)
    parts = [envelope.at(first, min(size, 5 * RATE - first)) for first in range(0, 5 * RATE, size)]
    assert bool(np.array_equal(envelope.at(0, 5 * RATE), np.concatenate(parts)))


def test_the_gain_moves_in_straight_lines_of_decibels() -> None:
    """Half way down half way through the attack, half way up half way through the release."""
    envelope = duck([Span(2.0, 4.0)], depth_db=-20.0)
    assert pytest.approx(-10.0, abs=0.01) == db_at(envelope, 2.0 - ATTACK_SECONDS / 2)
    assert pytest.approx(-10.0, abs=0.01) == db_at(envelope, 4.0 + RELEASE_SECONDS / 2)


def test_without_spans_nothing_is_ducked() -> None:
    """A gain of one, in the type the mixer works in."""
    gains = duck([], depth_db=-24.0).at(7, 5)
    assert (np.dtype(np.float32), [1.0] * 5) == (gains.dtype, gains.tolist())


def test_a_span_at_the_very_start_is_ducked_from_the_first_frame() -> None:
    """There is no time for an attack before the video."""
    assert pytest.approx(-24.0, abs=0.01) == db_at(duck([Span(0.0, 1.0)], depth_db=-24.0), 0.0)


def test_speech_is_widened_by_its_consonants() -> None:
    """A tenth before, two tenths after."""
    assert (Span(0.9, 2.2),) == widen_speech([Span(1.0, 2.0)])


def test_merging_joins_what_is_near() -> None:
    """In whatever order, and one inside the other too."""
    found = [Span(9.0, 9.5), Span(1.0, 4.0), Span(2.0, 3.0), Span(4.2, 5.0), Span(5.3, 6.0)]
    assert (Span(1.0, 5.0), Span(5.3, 6.0), Span(9.0, 9.5)) == merge_spans(found, within=0.25)


@pytest.mark.parametrize(
    ("in_speech", "elsewhere", "depth"),
    [
        (0.01, 0.01, SIDES_DEPTH_DB),
        (0.001, 0.01, SIDES_DEPTH_DB),
        (0.0, 0.01, SIDES_DEPTH_DB),
        (0.1, 0.01, VOICE_DEPTH_DB),
        (0.1, 0.0, VOICE_DEPTH_DB),
        (0.0, 0.0, VOICE_DEPTH_DB),
    ],
    ids=["steady", "quieter", "silent", "louder", "only in speech", "no sides"],
)
def test_sides_that_hold_the_voice_are_ducked_as_it_is(
    in_speech: float, elsewhere: float, depth: float
) -> None:
    """Louder while somebody speaks means that the voice is in them."""
    assert depth == sides_depth_db(in_speech, elsewhere)
