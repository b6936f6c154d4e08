"""What is measured of a release, against releases whose errors are known because they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dub_platform.core.speech import Span
from dub_platform.core.timeline import PlacedPart
from resources.listening.report import measure_release
from tests.support.recipes.hearing import (
    SAID,
    SECONDS,
    STARTS,
    Recipe,
    original_voice,
    say_again,
    write_source,
)
from tests.support.recipes.media import RATE, Sound, make_clip, make_sound, noise, silence, tone
from tests.support.recipes.speech import BOATS, music
from tests.support.recipes.speech import RATE as TAKE_RATE


def chord(db: float) -> Sound:
    """Music as long as a release."""
    slow = music(SECONDS, db)
    return np.interp(
        np.arange(round(SECONDS * RATE)) / RATE, np.arange(len(slow)) / TAKE_RATE, slow
    ).astype(np.float32)


BEDS = {"noise": noise(SECONDS, db=-50.0), "music": chord(-36.0), "silence": silence(SECONDS)}


@pytest.mark.parametrize("bed", BEDS)
class TestLines:
    """Each line in the released file, with any bed."""

    def test_a_release_without_errors_has_none(self, tmp_path: Path, bed: str) -> None:
        """Everything is where it was to be, whole, without clicks."""
        heard = Recipe(BEDS[bed]).hear(tmp_path)
        assert ((), (), (), 0) == (heard.missing, heard.cut, heard.overlaps, heard.clicks)
        assert heard.misplaced_ms is not None
        assert heard.misplaced_ms <= 0.1

    @pytest.mark.parametrize("late", [-0.3, 0.004, 0.08, 0.5])
    def test_a_line_is_measured_as_late_as_it_is(
        self, tmp_path: Path, bed: str, late: float
    ) -> None:
        """To a tenth of a millisecond, and no other line is."""
        heard = Recipe(BEDS[bed], late={1: late}).hear(tmp_path)
        found = [line.onset_ms for line in heard.lines]
        assert pytest.approx([0.0, 1000 * late, 0.0], abs=0.1) == found

    @pytest.mark.parametrize("edge", ["head", "tail"])
    def test_a_take_cut_by_200_ms_is_cut(self, tmp_path: Path, bed: str, edge: str) -> None:
        """At its beginning and at its end, and only this one."""
        heard = Recipe(BEDS[bed], **{edge: {2: 0.2}}).hear(tmp_path)  # type: ignore[arg-type]
        assert (2,) == heard.cut
        assert 0.1 <= heard.lines[2].lost_seconds <= 0.21

    def test_a_take_at_another_tempo_is_found_whole(self, tmp_path: Path, bed: str) -> None:
        """It is looked for as it was to be said."""
        heard = Recipe(BEDS[bed], tempo=1.2).hear(tmp_path)
        assert ((), ()) == (heard.missing, heard.cut)
        assert pytest.approx(0.0, abs=0.1) == heard.misplaced_ms

    def test_a_take_that_is_not_there_is_missing(self, tmp_path: Path, bed: str) -> None:
        """It is named, and counts neither as cut nor as late."""
        heard = Recipe(BEDS[bed], left_out=[1]).hear(tmp_path)
        assert ((1,), ()) == (heard.missing, heard.cut)

    def test_a_click_at_an_edge_is_found(self, tmp_path: Path, bed: str) -> None:
        """One sample at full scale where a take begins and where it ends."""
        end = STARTS[1] + len(say_again(SAID[1])) / TAKE_RATE
        heard = Recipe(BEDS[bed], clicks=[STARTS[0], end + 0.002]).hear(tmp_path)
        assert [1, 1, 0] == [line.clicks for line in heard.lines]


def in_parts() -> tuple[PlacedPart, ...]:
    """The second line's take, parted at its comma, with half a second more of a pause."""
    comma, left = 1.17, len(say_again(SAID[1])) / TAKE_RATE - 1.17
    return PlacedPart(0.0, STARTS[1], 1.05, 1.0), PlacedPart(comma, STARTS[1] + 1.67, left, 1.0)


def test_a_take_in_parts_is_found_whole(tmp_path: Path) -> None:
    """It is looked for as it was placed, with its pause."""
    heard = Recipe(BEDS["music"], parts={1: in_parts()}).hear(tmp_path)
    assert ((), (), ()) == (heard.missing, heard.cut, heard.overlaps)
    assert heard.misplaced_ms is not None
    assert heard.misplaced_ms <= 0.1


def test_a_part_that_is_not_in_its_place_is_not_taken_for_the_take(tmp_path: Path) -> None:
    """Said without its pause, a take that was to have one is missing or cut."""
    recipe = Recipe(BEDS["music"])
    script = recipe.script(tmp_path)
    path = make_sound(tmp_path / "track.m4a", recipe.mix(script))
    wanted = Recipe(BEDS["music"], parts={1: in_parts()}).script(tmp_path)
    heard = measure_release(path, into=tmp_path, script=wanted)
    assert (1,) == heard.cut + heard.missing


def test_a_take_that_is_drowned_is_not_said_to_be_missing(tmp_path: Path) -> None:
    """Where it cannot be told, nothing is surely wrong."""
    bed = noise(SECONDS, db=-60.0)
    bed[round((STARTS[1] - 1.0) * RATE) : round((STARTS[2] - 1.0) * RATE)] *= 1500.0
    heard = Recipe(bed).hear(tmp_path, ".flac")
    assert ((), (), 2) == (heard.missing, heard.cut, len(heard.found))


def test_a_word_said_twice_is_found_in_both_places(tmp_path: Path) -> None:
    """However alike they are, each is where it was to be."""
    heard = Recipe(said=("Yes.", "Yes.", BOATS), starts=(1.0, 1.5, 4.0)).hear(tmp_path)
    assert () == heard.overlaps
    assert pytest.approx(0.0, abs=0.1) == heard.misplaced_ms


def test_a_step_at_an_edge_is_a_click(tmp_path: Path) -> None:
    """A take that is switched on with an offset of its own, and off again."""
    bed, end = silence(SECONDS), STARTS[1] + len(say_again(SAID[1])) / TAKE_RATE
    bed[round(STARTS[1] * RATE) : round(end * RATE)] += 0.1
    assert [0, 2, 0] == [line.clicks for line in Recipe(bed).hear(tmp_path).lines]


def test_a_beat_of_the_music_is_no_click(tmp_path: Path) -> None:
    """What the source has at an edge is not the mix's."""
    music = noise(SECONDS, db=-50.0)
    music[round(STARTS[0] * RATE)] += 0.9
    alone, beside = Recipe(0.5 * music), Recipe(0.5 * music)
    beside.source = write_source(tmp_path, music)
    assert (1, 0) == (alone.hear(tmp_path).clicks, beside.hear(tmp_path).clicks)


def test_a_click_away_from_edges_is_not_the_mixs(tmp_path: Path) -> None:
    """A beat in the music is no fault of the takes."""
    assert 0 == Recipe(clicks=[STARTS[0] + 1.0, 4.9]).hear(tmp_path).clicks


def test_takes_that_sound_at_once_are_heard(tmp_path: Path) -> None:
    """Planned apart, but the first is so late that it runs into the second."""
    first = len(say_again(SAID[0])) / TAKE_RATE
    starts = (0.7, 0.7 + first + 0.1, 9.6)
    assert () == Recipe(starts=starts).hear(tmp_path).overlaps
    assert (1,) == Recipe(starts=starts, late={0: 0.3}).hear(tmp_path).overlaps


@pytest.mark.parametrize("ratio", [0.0, 6.0, 12.0, 18.0])
def test_voice_to_bed_is_the_ratio_of_their_powers(tmp_path: Path, ratio: float) -> None:
    """To half a decibel; lossless, because AAC leaves the highest fifth of white noise out."""
    powers = [np.mean(np.square(0.4 * say_again(text))) for text in SAID]
    level = 10 * np.log10(powers[0])
    heard = Recipe(noise(SECONDS, db=level - ratio)).hear(tmp_path, ".flac")
    assert pytest.approx(ratio, abs=0.5) == heard.lines[0].voice_to_bed_db


def test_what_a_limiter_takes_from_a_voice_is_no_bed(tmp_path: Path) -> None:
    """A gain that moves by 3 dB and back several times a second leaves the voice alone."""
    recipe = Recipe(silence(SECONDS))
    script = recipe.script(tmp_path)
    moving = 0.85 + 0.15 * np.sin(2 * np.pi * 4.0 * np.arange(round(SECONDS * RATE)) / RATE)
    path = make_sound(tmp_path / "track.flac", moving.astype(np.float32) * recipe.mix(script))
    heard = measure_release(path, into=tmp_path, script=script)
    assert heard.voice_to_bed_db is not None
    assert heard.voice_to_bed_db > 25.0


class TestTheSource:
    """What is measured against the source."""

    @pytest.mark.parametrize("left", [-12.0, -24.0, -36.0])
    def test_what_is_left_of_the_original_voice_is_told(self, tmp_path: Path, left: float) -> None:
        """In dB under the dub, to one, when both are as loud."""
        original, speech = original_voice()
        recipe = Recipe(10 ** (left / 20) * original)
        recipe.source = write_source(tmp_path, original, speech)
        assert pytest.approx(left, abs=1.0) == recipe.hear(tmp_path).original_left_db

    @pytest.mark.parametrize("gap", [0.0, 0.0213, 0.1])
    def test_a_release_that_starts_late_is_late_by_as_much(
        self, tmp_path: Path, gap: float
    ) -> None:
        """Its start by the bed, its length and its lines."""
        bed = chord(-30.0)
        recipe = Recipe(0.5 * bed, gap=gap, source=write_source(tmp_path, bed))
        heard = recipe.hear(tmp_path)
        assert pytest.approx(1000 * gap, abs=0.1) == heard.start_ms
        assert pytest.approx(1000 * gap, abs=0.1) == heard.misplaced_ms
        assert pytest.approx(1000 * gap, abs=0.1) == heard.length_ms

    def test_without_a_bed_no_start_is_made_up(self, tmp_path: Path) -> None:
        """A dub alone has nothing of the source in it."""
        recipe = Recipe(silence(SECONDS), source=write_source(tmp_path, chord(-30.0)))
        assert recipe.hear(tmp_path).start_ms is None


class TestAnyFile:
    """What needs nothing but the released file."""

    @pytest.mark.parametrize("suffix", [".m4a", ".wav", ".flac"])
    def test_it_is_as_long_as_it_is_decoded(self, tmp_path: Path, suffix: str) -> None:
        """Without the frames that an encoder puts before and after."""
        path = make_sound(tmp_path / f"sine{suffix}", tone(1000.0, 5.0, rate=44_100), rate=44_100)
        assert pytest.approx(5.0, abs=0.001) == measure_release(path, into=tmp_path).seconds

    def test_the_track_of_a_film_is_heard_as_well(self, tmp_path: Path) -> None:
        """A sound stream of an MP4, its pictures left alone."""
        clip = make_clip(tmp_path / "film.mp4", seconds=3.0, sound=tone(440.0, 3.0))
        assert pytest.approx(3.0, abs=0.03) == measure_release(clip, into=tmp_path).seconds

    def test_what_was_not_handed_in_is_not_measured(self, tmp_path: Path) -> None:
        """Without takes and source there is no number, not a good one."""
        heard = measure_release(make_sound(tmp_path / "t.m4a", tone(440.0, 2.0)), into=tmp_path)
        assert heard.onset_p95_ms is heard.misplaced_ms is heard.voice_to_bed_db is None
        assert heard.start_ms is heard.length_ms is heard.original_left_db is None


def test_lines_that_captions_place_late_are_late(tmp_path: Path) -> None:
    """Onsets are told by where a voice begins in the sound: a drift of the captions shows."""
    sound, spans = original_voice()
    early = [Span(each.start - 0.4, each.end - 0.4) for each in spans]
    heard = Recipe(source=write_source(tmp_path, sound, early)).hear(tmp_path)
    assert pytest.approx(400.0, abs=0.2) == heard.onset_p95_ms
    assert heard.misplaced_ms is not None
    assert heard.misplaced_ms <= 0.1


def test_a_line_in_the_midst_of_speech_has_no_onset(tmp_path: Path) -> None:
    """Nothing in the sound says where it begins; the first of the stretch has its edge."""
    sound, spans = original_voice()
    [first, *_, last] = spans
    source = write_source(tmp_path, sound, [Span(first.start, last.end)])
    heard = Recipe(source=source).hear(tmp_path)
    assert [True, False, False] == [line.onset_ms is not None for line in heard.lines]
