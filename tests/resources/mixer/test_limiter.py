"""The limiter: nothing over the ceiling, and nothing turned down that is away from it."""

from __future__ import annotations

import numpy as np
import pytest

from resources.mixer.limiter import ATTACK, DIP_HOPS, RELEASE, dips, gains, reductions
from resources.mixer.meter import HOP, true_peaks
from tests.support.recipes.media import Sound, noise, tone

CEILING = 0.5


def limited(sound: Sound) -> Sound:
    """The sound (1, frames) after the limiter."""
    reduction = reductions(true_peaks(sound, above=CEILING), CEILING)
    return sound * gains(reduction, sound.shape[1])


@pytest.mark.parametrize(
    "sound",
    [noise(2.0, db=0.0), tone(60, 2.0, db=6.0), tone(11_990, 2.0, db=3.0)],
    ids=["noise", "bass", "treble"],
)
def test_no_true_peak_is_over_the_ceiling(sound: Sound) -> None:
    """To a twentieth of a dB, which the gain's own movement makes."""
    peaks = true_peaks(limited(sound[np.newaxis]), above=CEILING)
    assert 20 * np.log10(peaks.max() / CEILING) < 0.05


def test_what_is_below_the_ceiling_is_left_as_it_was() -> None:
    """To the bit."""
    sound = tone(440, 1.0, db=-12.0)[np.newaxis]
    assert bool(np.array_equal(sound, limited(sound)))


def test_the_gain_falls_fast_and_rises_slowly() -> None:
    """One peak of 6 dB too much: down in 8 ms, and three quarters of it up in 70 ms."""
    peaks = np.full(200, 0.1, np.float32)
    peaks[100] = 1.0
    reduction = reductions(peaks, CEILING)
    most = 20 * np.log10(2.0)
    assert pytest.approx(most) == reduction[100]
    assert pytest.approx(most - 3 * ATTACK) == reduction[101 - 2 - 3]
    assert pytest.approx(most * np.exp(-30 * RELEASE)) == reduction[131]
    assert 0.0 == reduction[90]
    assert reduction[101 + 53] < most / 4


def test_a_piece_is_limited_as_the_whole_is() -> None:
    """Once what was before it has let go."""
    peaks = np.random.default_rng(1).uniform(0.1, 1.0, 2000).astype(np.float32)
    whole, part = reductions(peaks, CEILING), reductions(peaks[500:], CEILING)
    assert pytest.approx(whole[800:]) == part[300:]


def test_a_dip_is_as_wide_as_what_made_the_peak() -> None:
    """A packet on both sides, then up again."""
    over = np.zeros(400, np.float32)
    over[200] = 0.7
    dip = dips(over)
    assert [0.7] * (2 * DIP_HOPS + 1) == pytest.approx(dip[200 - DIP_HOPS : 201 + DIP_HOPS])
    assert (0.0, 0.0) == (dip[200 - 2 * DIP_HOPS], dip[200 + 2 * DIP_HOPS])


def test_gains_move_without_steps() -> None:
    """From hop to hop in a line."""
    reduction = np.zeros(10, np.float32)
    reduction[5] = 6.0
    assert float(np.abs(np.diff(gains(reduction, 10 * HOP))).max()) < 0.51 / HOP
    assert 10 * HOP == len(gains(reduction, 10 * HOP))
