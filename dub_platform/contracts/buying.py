"""What is promised of money by every engine that is paid for, or free.

require_paid_once(settings, buy, "The boat is here.", is_paid=True)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from dub_platform.core.errors import CostCapError
from dub_platform.engines.provisions import paid_calls
from dub_platform.settings import Settings

T = TypeVar("T")
# On whose account it is bought.
VIDEO = "dQw4w9WgXcQ"


def require_paid_once(
    settings: Settings, buy: Callable[[Settings, T], float], what: T, *, is_paid: bool
) -> None:
    """Buy the same twice: the first is booked as it says, the second costs nothing.

    `buy` makes the engine anew, asks it, and returns what was paid now. Where nothing may be spent,
    one that is paid for refuses, and books nothing.
    """
    before = _spent(settings)
    if is_paid:
        with pytest.raises(CostCapError):
            buy(settings.model_copy(update={"cost_cap_per_day_usd": 0.0}), what)
    assert before == _spent(settings)
    paid = buy(settings, what)
    assert is_paid == (paid > 0.0)
    assert pytest.approx(before + paid) == _spent(settings)
    assert 0.0 == buy(settings, what)
    assert pytest.approx(before + paid) == _spent(settings)


def _spent(settings: Settings) -> float:
    return sum(paid_calls(settings).spent_usd(VIDEO).values())
