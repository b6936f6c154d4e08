"""A dub over a bed without the original's voice: made by its run, kept, and named by its track."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.store.port import StoredObject
from tests.support.recipes import demucs as demucs_models
from tests.support.rig.workshop import Workshop, open_workshop

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("demucs")]


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop that takes voices out."""
    model = demucs_models.random(tmp_path / "tiny.th")
    with open_workshop(tmp_path, original="remove", demucs_model=str(model)) as opened:
        yield opened


def beds(workshop: Workshop, video_id: str) -> list[StoredObject]:
    return list(workshop.store.keys(f"videos/{video_id}/audio/bed-"))


def test_a_track_names_its_bed_and_is_mixed_anew_with_the_same(
    workshop: Workshop, prepared: str
) -> None:
    """Nothing of the video was prepared again for it, and the bed is not made twice."""
    assert [] == beds(workshop, prepared)
    assert workshop.dub(prepared, "es").success
    [made] = beds(workshop, prepared)
    track = json.loads(workshop.store.get_bytes(f"videos/{prepared}/dubs/es/dubbed_track.json"))
    assert made.key == track["bed_key"]
    assert workshop.dub_by_hand(prepared, "es", "dubbed_track").success
    assert [made] == beds(workshop, prepared)
