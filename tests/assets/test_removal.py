"""A video that is removed while a run works on it, and handed in again."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.engines.provisions import paid_calls
from dub_platform.registry import DubStatus
from sensors.removal import clear_video
from tests.assets.test_wording import Bench, bench
from tests.support.rig.workshop import Workshop, list_made

__all__ = ["bench"]


def kept(workshop: Workshop) -> set[str]:
    return {each.key for each in workshop.store.keys("")}


def is_cleared(workshop: Workshop, video_id: str) -> bool:
    remover = wiring.remover(workshop.settings, workshop.store)
    return clear_video(video_id, workshop.registry, remover, workshop.instance)


def test_a_run_whose_video_is_removed_ends_before_its_next_step(bench: Bench, clip: Path) -> None:
    """Nothing is spoken, nothing of it is kept, and what was paid stays in the account."""
    video_id, workshop = bench.hand_in(clip), bench.workshop
    removed = []
    bench.server.meanwhile = lambda: removed.append(bench.client.delete(f"/videos/{video_id}"))
    result = workshop.dub(video_id, "es")
    assert (True, 204) == (result.success, removed[0].status_code)
    assert ["translation"] == list(list_made(result))
    assert is_cleared(workshop, video_id)
    assert set() == kept(workshop)
    assert [] == workshop.instance.get_runs()
    assert paid_calls(workshop.settings).spent_usd(video_id)["es"] > 0


@pytest.mark.long
def test_a_removed_video_is_dubbed_again(workshop: Workshop, prepared: str, clip: Path) -> None:
    """From the beginning, under the same id."""
    workshop.dub(prepared, "es")
    workshop.registry.remove(prepared)
    assert is_cleared(workshop, prepared)
    assert {"takes"} == {Path(key).parts[0] for key in kept(workshop)}
    assert prepared == workshop.hand_in(clip, "es")
    workshop.prepare(prepared)
    workshop.dub(prepared, "es")
    dub = workshop.registry.dub(prepared, "es")
    assert (DubStatus.RELEASED, 2) == (dub.status, dub.generation)
