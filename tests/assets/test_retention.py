"""Retention of what real runs have made."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone

from dub_platform import wiring
from resources.catalogue.retention import Kind
from tests.assets.conftest import Dubbed
from tests.support.rig.workshop import Workshop, list_made, metadata_of


def test_a_dub_made_anew_leaves_one_of_everything(workshop: Workshop, dubbed: Dubbed) -> None:
    """What was replaced goes, and nothing that the dub is made of: it costs nothing to make it."""
    assert Counter() == tidied(workshop, days=3650)
    edit(workshop, f"videos/{dubbed.video_id}/dubs/es/translation.json")
    workshop.dub_by_hand(dubbed.video_id, "es", "speech", "dubbed_track", "r2_object")
    assert Counter({Kind.MEDIA: 1}) == tidied(workshop, days=1)
    # A release of six files, a film of two, and a take of two.
    replaced = Counter({Kind.RELEASES: 8, Kind.TAKES: 2})
    assert replaced == tidied(workshop, days=31)
    speech = metadata_of(list_made(workshop.dub_by_hand(dubbed.video_id, "es"))["speech"])
    assert 1 == speech["takes reused"].value


def tidied(workshop: Workshop, days: int) -> Counter[Kind]:
    """What goes in so many days from now, but for leases and events."""
    retention = wiring.retention(workshop.settings, workshop.store)
    now = datetime.now(timezone.utc) + timedelta(days=days)
    gone = Counter(each.kind for each in retention.tidy("upkeep", now=now))
    del gone[Kind.LEASES], gone[Kind.EVENTS]
    return gone


def edit(workshop: Workshop, key: str) -> None:
    """Reword the first line of a translation, as an operator can."""
    value = json.loads(workshop.store.get_bytes(key))
    value["lines"][0]["text"] = "Cada verano nos visita mucha gente."
    workshop.store.put_bytes(key, json.dumps(value).encode())
