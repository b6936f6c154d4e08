"""The golden end-to-end: a clip that is not the sample, handed in, and the released file measured.

Nothing here asks the platform how well it did. The track is downloaded, decoded, and compared
with the clip's recipe and with the recordings of the voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.measuring import (
    RATE,
    Found,
    Phrase,
    Sound,
    at_48_khz,
    decode,
    ebur128,
    find_phrases,
    level_db,
    locate,
    share_db,
    spoken_takes,
    tone_level_db,
)
from tests.support.recipes.golden_clip import BED_HERTZ, SECONDS, GoldenClip
from tests.support.recipes.speech import RATE as CLIP_RATE
from tests.support.recipes.speech import plain_words
from tests.support.rig.platform import Answer, Platform

pytestmark = pytest.mark.xdist_group("platform")  # one stack serves them all

LANGUAGES = ("es", "ca")


@dataclass(frozen=True)
class Released:
    """A downloaded track, and each line's recording as it was found in it, phrase by phrase."""

    dub: Answer
    path: Path
    sound: Sound
    lines: tuple[tuple[Phrase, ...], ...]

    @property
    def found(self) -> tuple[Found, ...]:
        """Where each line begins."""
        return tuple(line[0].found for line in self.lines)

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        return tuple(phrase for line in self.lines for phrase in line)


@pytest.fixture(scope="module", params=LANGUAGES)
def released(
    request: pytest.FixtureRequest,
    platform: Platform,
    handed_in: Answer,
    golden: GoldenClip,
    tmp_path_factory: pytest.TempPathFactory,
) -> Released:
    folder = tmp_path_factory.mktemp("released")
    dub = platform.dub(handed_in["id"], request.param)
    path = platform.fetch(dub["track_url"], folder)
    sound = decode(path)
    takes = spoken_takes(platform.settings.store_dir, handed_in["id"], request.param)
    assert len(golden.spoken) == len(takes)
    lines = tuple(
        find_phrases(take, sound.mean(axis=1), near=spoken.start)
        for take, spoken in zip(takes, golden.spoken, strict=True)
    )
    return Released(dub, path, sound, lines)


def test_every_line_starts_where_its_original_started(
    released: Released, golden: GoldenClip
) -> None:
    """Onsets found by correlation are within 250 ms of the recipe's, at the 95th percentile."""
    errors = [
        abs(found.start - spoken.start)
        for found, spoken in zip(released.found, golden.spoken, strict=True)
    ]
    assert all(phrase.found.likeness > 0.7 for phrase in released.phrases), released.phrases
    assert np.percentile(errors, 95) < 0.250, errors


def test_no_two_takes_overlap(released: Released) -> None:
    """Each phrase of a take, as found in the track, ends before the next begins."""
    ends = [phrase.end for phrase in released.phrases]
    starts = [phrase.found.start for phrase in released.phrases]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_nothing_is_cut(released: Released) -> None:
    """The last 300 ms of every phrase are in the track, where they belong."""
    middle, tail = released.sound.mean(axis=1), round(0.3 * RATE)
    for phrase in released.phrases:
        expected = phrase.end - tail / RATE
        end = locate(phrase.sound[-tail:], middle, near=expected, within=0.02)
        assert end.likeness > 0.6
        assert abs(end.start - expected) < 0.005


def test_the_bed_is_audible_under_the_voice(released: Released) -> None:
    """The tone at the sides stays within 8 dB of what it is where nobody speaks."""
    sides = (released.sound[:, 0] - released.sound[:, 1]) / 2
    speaking = [
        tone_level_db(_part(sides, found.start + 0.5, found.start + 1.5), BED_HERTZ)
        for found in released.found
    ]
    silent = tone_level_db(_part(sides, 0.1, 0.9), BED_HERTZ)
    assert min(speaking) > silent - 8.0
    assert min(speaking) > -60.0


def test_the_original_voice_cannot_be_followed(released: Released, golden: GoldenClip) -> None:
    """What is left of the original voice lies at least 18 dB below the track, in every line."""
    original = at_48_khz(golden.voice, CLIP_RATE)
    middle = released.sound.mean(axis=1)
    for spoken in golden.spoken:
        here = (spoken.start, spoken.end)
        assert share_db(_part(original, *here), _part(middle, *here)) < -18.0


def test_the_original_voice_is_measured_where_it_is(golden: GoldenClip) -> None:
    """The measure of the test above finds the voice in the source itself."""
    source = decode(golden.path).mean(axis=1)
    original = at_48_khz(golden.voice, CLIP_RATE)
    spoken = golden.spoken[0]
    here = (spoken.start, spoken.end)
    assert share_db(_part(original, *here), _part(source, *here)) > -3.0


def test_the_track_is_as_long_as_the_source(released: Released) -> None:
    """Decoded, it lasts as long as the clip to 20 ms."""
    assert abs(len(released.sound) / RATE - SECONDS) <= 0.020


def test_the_track_is_as_loud_as_it_should_be(released: Released) -> None:
    """-16 LUFS within 1, and a true peak of at most -1 dBTP."""
    lufs, true_peak = ebur128(released.path)
    assert -17.0 <= lufs <= -15.0
    assert true_peak <= -1.0
    assert level_db(released.sound) < 0.0


def test_what_was_said_is_in_the_captions(
    platform: Platform, released: Released, golden: GoldenClip, folder: Path
) -> None:
    """At least seven in ten of the words said are in the source's captions."""
    heard = plain_words(
        platform.fetch(released.dub["source_captions_urls"]["srt"], folder).read_text()
    )
    said = [word for spoken in golden.spoken for word in plain_words(spoken.text)]
    assert sum(word in heard for word in said) >= 0.7 * len(said), heard


def test_the_translation_says_the_same(platform: Platform, handed_in: Answer, folder: Path) -> None:
    """Words that were looked up in a dictionary are in the dub's captions."""
    expected = {"es": {"casa", "verano", "domingo"}, "ca": {"casa", "estiu", "diumenge"}}
    for language, words in expected.items():
        dub = platform.dub(handed_in["id"], language)
        text = platform.fetch(dub["captions_urls"]["vtt"], folder).read_text()
        found = {word for word in words if word in text.lower()}
        assert len(found) >= 2, text


def test_captions_come_as_webvtt_and_srt(released: Released, platform: Platform) -> None:
    """Source and target captions are served in both formats with their content types."""
    for urls in (released.dub["captions_urls"], released.dub["source_captions_urls"]):
        vtt, srt = platform.api.get(urls["vtt"]), platform.api.get(urls["srt"])
        assert vtt.text.startswith("WEBVTT\n")
        assert vtt.headers["content-type"].startswith("text/vtt")
        assert srt.text.startswith("1\n00:00:0")


def test_the_film_carries_every_language(
    platform: Platform, handed_in: Answer, golden: GoldenClip, folder: Path
) -> None:
    """The MP4 has the pictures, the original sound, each dub and all captions, tagged."""
    url = platform.dub(handed_in["id"], "es")["video_url"]
    assert url == platform.dub(handed_in["id"], "ca")["video_url"]
    with av.open(str(platform.fetch(url, folder))) as film:
        assert 1 == len(film.streams.video)
        audio = [stream.metadata["language"] for stream in film.streams.audio]
        captions = [stream.metadata["language"] for stream in film.streams.subtitles]
        assert abs(film.duration / av.time_base - SECONDS) < 0.1
    assert ["eng", "cat", "spa"] == audio
    assert ["eng", "cat", "spa"] == captions


def test_the_films_dub_is_in_step_with_the_track(
    platform: Platform, handed_in: Answer, released: Released, folder: Path
) -> None:
    """The dub's stream in the film is the released track, sample for sample in time."""
    film = platform.fetch(released.dub["video_url"], folder)
    stream = {"ca": "0:a:1", "es": "0:a:2"}[released.dub["language"]]
    sound = decode(film, stream=stream)
    assert abs(len(sound) - len(released.sound)) <= 0.020 * RATE
    part = released.sound[5 * RATE : 8 * RATE].mean(axis=1)
    assert abs(locate(part, sound.mean(axis=1), near=5.0, within=0.5).start - 5.0) < 0.001


def _part(sound: Sound, start: float, end: float) -> Sound:
    return sound[round(start * RATE) : round(end * RATE)]
