"""How fast voices speak, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from dub_platform.core.timing.fitting import Pace
from dub_platform.registry.speaking_rates import LATEST_DUBS, SpeakingRates

VIDEO = "dQw4w9WgXcQ"


@pytest.fixture
def rates(engine: Engine) -> SpeakingRates:
    return SpeakingRates(engine)


def test_a_voice_that_never_spoke_has_no_rates(rates: SpeakingRates) -> None:
    """Nor has it any of another voice, or of its own in another language."""
    rates.note("voice a", "es", VIDEO, Pace(13.0, 40))
    assert ([], []) == (rates.of("voice b", "es"), rates.of("voice a", "ca"))


def test_a_dub_that_is_made_again_counts_once(rates: SpeakingRates) -> None:
    """With what was seen last."""
    rates.note("voice a", "es", VIDEO, Pace(13.0, 40))
    rates.note("voice a", "es", VIDEO, Pace(13.5, 41))
    assert [Pace(13.5, 41)] == rates.of("voice a", "es")


def test_only_the_latest_dubs_are_told(rates: SpeakingRates) -> None:
    """The newest first."""
    for number in range(LATEST_DUBS + 2):
        rates.note("voice a", "es", f"video-{number}", Pace(10.0 + number, 5))
    told = [pace.rate for pace in rates.of("voice a", "es")]
    assert (LATEST_DUBS, 11.0 + LATEST_DUBS, 12.0) == (len(told), told[0], told[-1])
