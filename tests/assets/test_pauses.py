"""A line with a pause in it, from the clip to the released file: the dub stops where it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.clips import BREATHS, Clip, Recipe
from dub_platform.core.speech import Audio, Release, Takes, Track, Transcript
from resources.hearing.pauses import find_speech
from resources.values import value_in
from tests.assets.workshop import Workshop, materialized, shown

LINES = 2


@pytest.fixture
def breathing(tmp_path: Path) -> Clip:
    """Two sentences, each with half a second of silence at its comma."""
    return Recipe("breaths", texts=BREATHS[:LINES], every=6.0, seconds=13.0).made(tmp_path)


def test_the_dub_pauses_where_the_original_does(
    workshop: Workshop, breathing: Clip, tmp_path: Path
) -> None:
    """In the released file a voice goes on within 125 ms of where the original goes on."""
    video_id = workshop.hand_in(breathing.path, "es", captions=breathing.captions)
    workshop.prepare(video_id)
    made = materialized(workshop.dub(video_id, "es"))
    assert LINES == shown(made["dubbed_track"])["takes_in_parts"].value
    audio = value_in(workshop.store, Audio, "audio", video_id)
    transcript = value_in(workshop.store, Transcript, "transcript", video_id)
    release = value_in(workshop.store, Release, "r2_object", video_id, "es")
    assert audio
    assert transcript
    assert release
    assert [1] * LINES == [len(line.pauses) for line in transcript.lines]
    heard = find_speech(workshop.store.fetch(release.track_key, tmp_path), into=tmp_path)
    assert pytest.approx([span.start for span in audio.speech], abs=0.125) == [
        span.start for span in heard
    ]


def test_a_take_is_parted_without_being_spoken_again(workshop: Workshop, breathing: Clip) -> None:
    """It is the same recording whether its line pauses or not."""
    video_id = workshop.hand_in(breathing.path, "es", captions=breathing.captions)
    workshop.prepare(video_id)
    workshop.dub(video_id, "es")
    track = value_in(workshop.store, Track, "dubbed_track", video_id, "es")
    takes = value_in(workshop.store, Takes, "speech", video_id, "es")
    made = materialized(workshop.dub_by_hand(video_id, "es"))
    assert (0, LINES) == tuple(
        shown(made["speech"])[name].value for name in ("takes_paid", "takes_reused")
    )
    assert track == value_in(workshop.store, Track, "dubbed_track", video_id, "es")
    assert takes
    assert track
    for take, place in zip(takes.takes, track.timeline.placements, strict=True):
        # What it is silent for of itself is all that is not said.
        said = sum(part.spoken_seconds for part in place.parts)
        assert 0.1 < take.speech_seconds - said < 0.3
