"""An edited line on the running platform: the file that is released anew, measured.

Nothing here asks the platform where it put what: both tracks are downloaded and decoded, and the
recordings of the voice are looked for in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.measuring import Sound, decode, locate, spoken_takes
from tests.support.recipes.golden_clip import SENTENCES, GoldenClip, make_golden_clip
from tests.support.rig.platform import Answer, Platform

# One stack serves them all.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("platform")]

SECONDS = 16.2
EDITED = 1
TEXT = "Cada verano viene mucha gente."


@dataclass(frozen=True)
class Version:
    """A release as it was downloaded, with the recordings that it was mixed from."""

    dub: Answer
    track: Sound
    takes: tuple[Sound, ...]
    kept: int


@dataclass(frozen=True)
class Edited:
    """The release before and after the edit, and the dub as it was right after the request."""

    clip: GoldenClip
    before: Version
    meanwhile: Answer
    after: Version


@pytest.fixture(scope="module")
def edited(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """The golden clip without its last sentence, in Spanish, and its second line edited."""
    folder = tmp_path_factory.mktemp("edited")
    clip = make_golden_clip(folder, SENTENCES[:3], SECONDS)
    video_id = platform.hand_in(clip.path, "es")["id"]
    before = _version(platform, platform.await_release(video_id, "es"), folder)
    path = f"/videos/{video_id}/dubs/es/lines/{EDITED}"
    seen = {"if-match": platform.api.get(path).raise_for_status().headers["etag"]}
    platform.api.put(path, json={"text": TEXT}, headers=seen).raise_for_status()
    meanwhile = platform.dub(video_id, "es")
    after = _version(platform, platform.await_release(video_id, "es"), folder)
    return Edited(clip, before, meanwhile, after)


def test_the_old_release_stays_until_there_is_the_new_one(
    platform: Platform, edited: Edited
) -> None:
    """It is made a generation up, and what was released is still there after it."""
    before, after = edited.before.dub, edited.after.dub
    assert (before["generation"] + 1, before["track_url"]) == (
        edited.meanwhile["generation"],
        edited.meanwhile["track_url"],
    )
    assert before["track_url"] != after["track_url"]
    assert 200 == platform.api.head(before["track_url"]).status_code


def test_one_line_is_spoken_again(edited: Edited) -> None:
    """There is one take more, and only the edited line has another."""
    assert edited.before.kept + 1 == edited.after.kept
    same = [
        one.shape == two.shape and bool((one == two).all())
        for one, two in zip(edited.before.takes, edited.after.takes, strict=True)
    ]
    assert [number != EDITED for number in range(len(same))] == same


def test_the_new_take_is_heard_where_the_old_one_was(edited: Edited) -> None:
    """It begins with its original, and the old one is not in the track any more."""
    at = edited.clip.spoken[EDITED].start
    found = locate(edited.after.takes[EDITED], _middle(edited.after), near=at)
    assert found.likeness > 0.7
    assert abs(found.start - at) < 0.250
    gone = locate(edited.before.takes[EDITED], _middle(edited.after), near=at)
    assert gone.likeness < 0.5


def test_the_other_takes_are_where_they_were(edited: Edited) -> None:
    """To 5 ms, as found in both files."""
    for number, spoken in enumerate(edited.clip.spoken):
        if number != EDITED:
            one, two = (
                locate(version.takes[number], _middle(version), near=spoken.start)
                for version in (edited.before, edited.after)
            )
            assert min(one.likeness, two.likeness) > 0.7
            assert abs(one.start - two.start) < 0.005


def test_the_captions_say_what_is_spoken(platform: Platform, edited: Edited) -> None:
    """The new words, and not the old ones."""
    texts = [
        " ".join(platform.api.get(version.dub["captions_urls"]["vtt"]).text.split())
        for version in (edited.before, edited.after)
    ]
    assert [False, True] == [TEXT in text for text in texts]


def _version(platform: Platform, dub: Answer, folder: Path) -> Version:
    store = platform.settings.store_dir
    track = decode(platform.fetch(dub["track_url"], folder))
    takes = spoken_takes(store, dub["video_id"], dub["language"])
    return Version(dub, track, takes, len(list(store.glob("takes/*/*.flac"))))


def _middle(version: Version) -> Sound:
    return version.track.mean(axis=1)
