"""What a run does that is told to end while it is at a step."""

from __future__ import annotations

import signal
from typing import Any, NoReturn

import pytest

from resources.voice.takes import TakeKeeper
from tests.support.rig.workshop import Workshop, list_made


def test_an_interrupted_step_is_not_begun_again(
    workshop: Workshop, prepared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends there, although the same step is tried again after other failures."""
    asked = []

    def interrupted(*_: Any, **__: Any) -> NoReturn:
        asked.append("takes")
        signal.raise_signal(signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr(TakeKeeper, "takes_of", interrupted)
    result = workshop.dub(prepared, "es", raise_on_error=False)
    assert ["takes"] == asked
    assert (["translation"], False) == (list(list_made(result)), result.success)
    [failed] = [event for event in result.all_events if event.is_step_failure]
    said = failed.step_failure_data.user_failure_data
    assert said
    assert "run_lost" == said.metadata["error"].value["code"]  # type: ignore[call-overload, index]
