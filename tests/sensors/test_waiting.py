"""How a tick waits for work."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sensors import waiting
from sensors.waiting import wait_for
from tests.support.patience import HANG_SECONDS

# A server's main thread ends while one of its threads is in a tick, as when it is told to end.
_ENDING_SERVER = """
import threading
from sensors import waiting

waiting.WAIT_SECONDS = 1e9
threading.Thread(target=waiting.wait_for, args=(list,), kwargs={"pause_seconds": 0.05}).start()
"""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of a tick that has its usual time; none is slept."""
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 60.0)
    asked: list[float] = []
    monkeypatch.setattr(waiting.time, "sleep", asked.append)  # type: ignore[attr-defined]
    return asked


def test_it_looks_until_there_is_something(pauses: list[float]) -> None:
    """What is found ends the wait."""
    looks = iter([[], [], ["work"]])
    assert ["work"] == wait_for(lambda: next(looks), pause_seconds=0.5)
    assert [0.5, 0.5] == pauses


def test_what_is_there_is_not_waited_for(pauses: list[float]) -> None:
    """Nobody waits who need not."""
    assert 3 == wait_for(lambda: 3, pause_seconds=0.5)
    assert [] == pauses


def test_it_ends_with_its_time_and_says_what_it_found() -> None:
    """Dagster gives a tick a minute."""
    assert 0 == wait_for(lambda: 0, pause_seconds=0.0)


def test_a_server_that_is_to_end_does_not_wait_for_its_ticks() -> None:
    """A process ends when its threads have, so the tick must."""
    subprocess.run([sys.executable, "-c", _ENDING_SERVER], check=True, timeout=HANG_SECONDS)
