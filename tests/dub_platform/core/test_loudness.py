"""Loudness: the numbers aimed at, and the gain that gets there."""

from __future__ import annotations

import pytest

from dub_platform.core.loudness import MOST_GAIN_DB, SILENCE_LUFS, gain_db, passes_gate


@pytest.mark.parametrize(
    ("lufs", "gain"), [(-16.0, 0.0), (-23.0, 7.0), (-3.5, -12.5), (-55.9, 39.9)]
)
def test_the_gain_is_what_is_missing(lufs: float, gain: float) -> None:
    """Up for a quiet sound, down for a loud one."""
    assert pytest.approx(gain) == gain_db(lufs)


def test_the_gain_can_aim_elsewhere() -> None:
    """A voice is made as loud as what it replaces."""
    assert -4.0 == gain_db(-20.0, -24.0)


@pytest.mark.parametrize("lufs", [SILENCE_LUFS, -80.0, float("-inf")])
def test_silence_gets_no_gain(lufs: float) -> None:
    """There is nothing to raise, whatever a meter calls it."""
    assert 0.0 == gain_db(lufs)


def test_noise_is_not_raised_into_a_roar() -> None:
    """Nor is anything lowered without end."""
    assert (MOST_GAIN_DB, -MOST_GAIN_DB) == (gain_db(-69.9), gain_db(0.0, -69.9))


@pytest.mark.parametrize(
    ("lufs", "peak", "passes"),
    [
        (-16.0, -1.5, True),
        (-15.5, -9.0, True),
        (-16.5, -1.5, True),
        (-16.6, -1.5, True),
        (-16.0, -1.4, True),
        (-15.0, -1.0, True),
        (-14.9, -1.5, False),
        (-17.1, -1.5, False),
        (-16.0, -0.9, False),
        (-70.0, float("-inf"), False),
        (float("nan"), -3.0, False),
    ],
)
def test_the_gate_is_a_little_wider_than_the_target(lufs: float, peak: float, passes: bool) -> None:
    """Half a unit and -1.5 dBTP are aimed at; one unit and -1 dBTP are published."""
    assert passes == passes_gate(lufs, peak)
