"""A line with a pause in it, from the clip to the released file: the dub stops where it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.core.speech import Audio, Release, Takes, Track, Transcript
from resources.listening.pauses import find_speech
from resources.store.values import value_in
from tests.assets.conftest import Dubbed, note, read_notes, settle
from tests.support.made_once import Once
from tests.support.recipes.clips import BREATHS, Recipe
from tests.support.rig.workshop import Workshop, list_made, metadata_of, open_workshop

LINES = 2


@pytest.fixture
def breathing(workshop: Workshop, once: Once) -> Dubbed:
    """Two sentences, each with half a second of silence at its comma."""

    def make(folder: Path) -> None:
        recipe = Recipe("breaths", texts=BREATHS[:LINES], every=6.0, seconds=13.0)
        clip = recipe.make(folder)
        with open_workshop(folder) as opened:
            video_id = opened.hand_in(clip.path, "es", captions=clip.captions)
            opened.prepare(video_id)
            note(opened, opened.dub(video_id, "es"))

    dubbed = once("dubbed-with-breaths", make)
    return Dubbed(settle(workshop, dubbed, dubbed / "breaths.mp4"), read_notes(workshop))


def test_the_dub_pauses_where_the_original_does(
    workshop: Workshop, breathing: Dubbed, tmp_path: Path
) -> None:
    """In the released file a voice goes on within 125 ms of where the original goes on."""
    video_id = breathing.video_id
    assert LINES == metadata_of(breathing.made["dubbed_track"])["takes in parts"].value
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


@pytest.mark.long
def test_a_take_is_parted_without_being_spoken_again(workshop: Workshop, breathing: Dubbed) -> None:
    """It is the same recording whether its line pauses or not."""
    video_id = breathing.video_id
    track = value_in(workshop.store, Track, "dubbed_track", video_id, "es")
    takes = value_in(workshop.store, Takes, "speech", video_id, "es")
    made = list_made(workshop.dub_by_hand(video_id, "es"))
    assert (0, LINES) == tuple(
        metadata_of(made["speech"])[name].value for name in ("takes paid", "takes reused")
    )
    assert track == value_in(workshop.store, Track, "dubbed_track", video_id, "es")
    assert takes
    assert track
    for take, place in zip(takes.takes, track.timeline.placements, strict=True):
        # What it is silent for of itself is all that is not said.
        said = sum(part.spoken_seconds for part in place.parts)
        assert 0.1 < take.speech_seconds - said < 0.3
