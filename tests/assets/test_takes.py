"""Takes in a run: what they cost in memory, however many there are."""

from __future__ import annotations

import json
import tracemalloc

from dub_platform.core.speech import Takes
from resources.values import value_in
from tests.assets.conftest import Dubbed
from tests.assets.workshop import Workshop, materialized


def lengthen(workshop: Workshop, video_id: str, *, count: int) -> None:
    """Have the first line said so many times, in transcript and translation."""
    for key in (
        f"videos/{video_id}/transcript.json",
        f"videos/{video_id}/dubs/es/translation.json",
    ):
        value = json.loads(workshop.store.get_bytes(key))
        line = value["lines"][0]
        again = [{**line, "id": number} for number in range(count)]
        if "start" in line:
            again = [
                {**each, "start": 9.0 * each["id"], "end": 9.0 * each["id"] + 6} for each in again
            ]
        workshop.store.put_bytes(key, json.dumps({**value, "lines": again}).encode())


def test_an_hour_of_speech_takes_no_more_memory_than_a_minute(
    workshop: Workshop, dubbed: Dubbed
) -> None:
    """Whatever is drawn of it: one take is in memory at a time."""
    lengthen(workshop, dubbed.video_id, count=1500)
    tracemalloc.start()
    made = materialized(workshop.dub_by_hand(dubbed.video_id, "es", "speech"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    value = value_in(workshop.store, Takes, "speech", dubbed.video_id, "es")
    assert value
    assert sum(take.seconds for take in value.takes) > 3600
    assert "waveform" in made["speech"].metadata
    # As float64, an hour of it is 635 MB.
    assert peak < 100e6
