"""What takes and track cost in a run: memory and decoding, however long they are."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from dub_platform.core.speech import Takes
from resources.media.ffmpeg import find_in_wheel
from resources.store.values import value_in
from tests.assets.conftest import Dubbed, settle
from tests.support.rig.workshop import Workshop, list_made, open_workshop


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


@pytest.mark.long
def test_an_hour_of_speech_takes_no_more_memory_than_a_minute(
    workshop: Workshop, dubbed: Dubbed
) -> None:
    """Whatever is drawn of it: one take is in memory at a time."""
    lengthen(workshop, dubbed.video_id, count=1500)
    tracemalloc.start()
    made = list_made(workshop.dub_by_hand(dubbed.video_id, "es", "speech"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    value = value_in(workshop.store, Takes, "speech", dubbed.video_id, "es")
    assert value
    assert sum(take.seconds for take in value.takes) > 3600
    assert "waveform" in made["speech"].metadata
    # As float64, an hour of it is 635 MB.
    assert peak < 100e6


def test_a_track_is_decoded_once_for_each_look_at_it(
    tmp_path: Path, dubbed_home: Path, clip: Path
) -> None:
    """For its picture, for its length and loudness, and for the takes in it."""
    log, program = tmp_path / "runs.txt", tmp_path / "ffmpeg"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {find_in_wheel()} "$@"\n')
    program.chmod(0o755)
    with open_workshop(tmp_path, ffmpeg=program) as workshop:
        video_id = settle(workshop, dubbed_home, clip)
        log.unlink(missing_ok=True)
        workshop.dub_by_hand(video_id, "es", "dubbed_track", "r2_object")
    decoded = [
        run
        for run in log.read_text().splitlines()
        # The film has the track as it is.
        if ".m4a" in run and "-codec:a copy" not in run and "-c:a copy" not in run
    ]
    told = ["showwavespic", "ebur128", "released.flac"]
    assert [[name in run for name in told] for run in decoded] == [
        [True, False, False], [False, True, False], [False, False, True]
    ]  # fmt: skip
