"""Takes as they are said in a track: what tempo leaves of them, and where they start and end.

Speech is flite's and eSpeak NG's; what is measured of it is measured by `tests.support.likeness`,
which `make bench-stretch` compares ways to stretch with.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dub_platform.core.speech import Take
from dub_platform.core.timeline import PlacedPart, Placement
from resources.media import time_stretch as stretching
from resources.media.time_stretch import at_48_khz, say_placed, say_whole, stretch
from resources.providers.paid_once import Bill
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from resources.voice.recording import decode_recording, find_speech_bounds
from tests.support.likeness import likeness
from tests.support.measuring import locate
from tests.support.recipes.media import RATE, Sound, noise, silence, tone
from tests.support.recipes.speech import BOATS, FISHERMAN, say
from tests.support.recipes.speech import RATE as FLITE_RATE

TEMPOS = [0.90, 0.95, 1.05, 1.10, 1.15, 1.20, 1.30]
SPANISH = "Mi padre era pescador y me enseñó a leer el viento."
# A breath as loud as voices draw it, and the pause after it.
BREATH_DB, PAUSE_SECONDS = -45.0, 0.1


@lru_cache(maxsize=2)
def flite(voice: str) -> Sound:
    """A sentence that begins and ends with its first and last sample."""
    return say(FISHERMAN if voice == "awb" else BOATS, voice).astype(np.float32)


@pytest.fixture(scope="module")
def spanish(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sound, int]:
    """A sentence by eSpeak NG and its rate."""
    path = tmp_path_factory.mktemp("espeak") / "take.wav"
    voice = EspeakVoice()
    voice.speak(Reading(SPANISH, "es"), into=path, bill=Bill())
    voice.close()
    recording = decode_recording(path)
    return recording.sound, recording.rate


def made_take(
    folder: Path, sound: Sound, rate: int, *, before: Sound | None = None, after: float = 0.3
) -> tuple[Take, Path]:
    """`sound` with something before it and silence after, and what is measured of it as a take."""
    parts = [silence(0.3, rate=rate) if before is None else before, sound]
    recording = np.concatenate([*parts, silence(after, rate=rate)])
    path = folder / "take.flac"
    soundfile.write(path, recording, rate, "PCM_16")
    start, end = find_speech_bounds(recording, rate)
    return Take(0, "key", "takes/x.flac", len(recording) / rate, start, end, 20), path


def breath(rate: int) -> Sound:
    """300 ms that rise out of silence and fall back into it, with a pause at their end."""
    drawn = noise(0.3 - PAUSE_SECONDS, db=BREATH_DB, rate=rate)
    shaped = drawn * np.hanning(len(drawn)).astype(np.float32)
    return np.concatenate([shaped, silence(PAUSE_SECONDS, rate=rate)])


class TestPlaced:
    """A take that is placed in parts."""

    def in_parts(self, folder: Path, *, tempo: float = 1.0, pause: float = 0.6) -> Sound:
        """Two tones with 0.2 s between them in the take, at 48 kHz; what is heard from the first
        frame of its speech on."""
        sound = np.concatenate([tone(200, 0.5), silence(0.2), tone(300, 0.8)])
        take, path = made_take(folder, sound, RATE)
        first = PlacedPart(0.0, 4.0, 0.5, 1.0)
        second = PlacedPart(0.7, 4.5 + pause, 0.8 / tempo, tempo)
        parts = (first, second)
        place = Placement(0, 4.0, second.end - 4.0, tempo, parts=parts)
        said = say_placed(take, path, place)
        return said.sound[said.lead :]

    def test_it_is_silent_between_them_for_as_long_as_is_wanted(self, tmp_path: Path) -> None:
        """But for what rings at their edges, and no part is faded."""
        said = self.in_parts(tmp_path)
        loud = np.flatnonzero(np.abs(said) > 1e-3)
        gap = int(np.argmax(np.diff(loud)))
        assert pytest.approx((0.5, 1.1), abs=0.002) == (loud[gap] / RATE, loud[gap + 1] / RATE)
        assert pytest.approx(1.9, abs=0.002) == loud[-1] / RATE

    def test_each_has_its_own_tempo(self, tmp_path: Path) -> None:
        """What is before it stays as it was spoken."""
        said = self.in_parts(tmp_path, tempo=1.25)
        assert np.array_equal(self.in_parts(tmp_path)[: RATE // 2], said[: RATE // 2])
        assert pytest.approx(1.1 + 0.8 / 1.25, abs=0.002) == np.flatnonzero(said)[-1] / RATE

    def test_in_one_part_it_is_the_whole_take(self, tmp_path: Path) -> None:
        """Sample for sample."""
        take, path = made_take(tmp_path, flite("awb"), FLITE_RATE)
        place = Placement(0, 2.0, take.speech_seconds / 1.1, 1.1)
        assert np.array_equal(say_whole(take, path, 1.1).sound, say_placed(take, path, place).sound)


class TestStretched:
    """What is left of speech at another tempo."""

    @pytest.mark.parametrize("tempo", TEMPOS)
    @pytest.mark.parametrize("rate", [22_050, 24_000, 44_100, 48_000])
    def test_it_is_as_long_as_the_tempo_says(self, tempo: float, rate: int) -> None:
        """To the frame, at every rate that voices have."""
        sound = noise(1.7, rate=rate)
        assert round(len(sound) / tempo) == len(stretch(sound, rate, tempo))

    @given(
        frames=st.integers(0, 20_000),
        tempo=st.floats(0.9, 1.3),
        rate=st.sampled_from([16_000, 22_050, 48_000]),
    )
    @settings(max_examples=60, deadline=None)
    def test_nothing_is_too_short_for_it(self, frames: int, tempo: float, rate: int) -> None:
        """Down to no sound at all, and to tempos that leave out less than a period."""
        sound = np.random.default_rng(frames).standard_normal(frames).astype(np.float32)
        made = stretch(sound, rate, tempo)
        assert (round(frames / tempo), np.float32) == (len(made), made.dtype)

    def test_at_its_own_tempo_no_sample_changes(self) -> None:
        """The take is what the voice made."""
        assert np.array_equal(flite("awb"), stretch(flite("awb"), FLITE_RATE, 1.0))

    @pytest.mark.parametrize("tempo", TEMPOS)
    def test_its_first_and_last_sounds_are_not_touched(self, tempo: float) -> None:
        """A burst at the beginning is the same burst, and the end is the same end."""
        sound = flite("awb")
        made = stretch(sound, FLITE_RATE, tempo)
        edge = round(0.006 * FLITE_RATE)
        assert np.array_equal(sound[:edge], made[:edge])
        assert np.array_equal(sound[-8:], made[-8:])

    @pytest.mark.parametrize("tempo", TEMPOS)
    def test_of_noise_too_it_is_not_the_end_that_is_left_out(self, tempo: float) -> None:
        """A word may end in a hiss, whose splices do not come when they are due."""
        hiss = noise(3.0, rate=FLITE_RATE)
        assert hiss[-1] == stretch(hiss, FLITE_RATE, tempo)[-1]

    @pytest.mark.parametrize("tempo", TEMPOS)
    @pytest.mark.parametrize("voice", ["awb", "slt"])
    def test_pitch_consonants_and_timbre_are_kept(self, voice: str, tempo: float) -> None:
        """The pitch to a tenth of a semitone, onsets at least 0.9 as strong, and none is new."""
        sound = flite(voice)
        made = stretch(sound, FLITE_RATE, tempo)
        found = likeness(sound, made, rate=FLITE_RATE, tempo=tempo)
        assert abs(found.delay_ms) < 1.5
        assert found.wander_ms < 6.0
        assert found.pitch_median_cents < 10.0
        assert found.onsets_kept > 0.9
        assert found.onsets_false < 0.05
        assert found.mcd_db < 1.8
        assert found.step <= 1.001

    @pytest.mark.parametrize("tempo", TEMPOS)
    def test_a_click_is_once_there_at_its_place(self, tempo: float) -> None:
        """In the silence between two tones, to half a period of the lowest voice."""
        around = tone(150, 0.4, rate=24_000)
        click = silence(0.4, rate=24_000)
        click[4_800] = 1.0
        made = stretch(np.concatenate([around, click, around]), 24_000, tempo)
        heard = np.flatnonzero(made > 0.5)
        assert 1 == len(heard)
        assert pytest.approx((0.4 + 0.2) / tempo, abs=0.008) == heard[0] / 24_000


class TestSpoken:
    """A take's speech, trimmed and placed."""

    @pytest.mark.parametrize("tempo", [1.0, *TEMPOS])
    def test_it_begins_where_it_says(self, tmp_path: Path, tempo: float) -> None:
        """To 2 ms, behind 300 ms of silence and breath: the same first milliseconds are found."""
        take, path = made_take(tmp_path, flite("slt"), FLITE_RATE, before=breath(FLITE_RATE))
        voice = say_whole(take, path, tempo)
        first = at_48_khz(flite("slt"), FLITE_RATE)[: round(0.008 * RATE)].astype(np.float64)
        found = locate(first, voice.sound, near=0.0, within=0.05)  # type: ignore[arg-type]
        assert pytest.approx(voice.lead / RATE, abs=0.002) == found.start
        assert found.likeness > 0.9

    @pytest.mark.parametrize("tempo", [1.0, *TEMPOS])
    def test_it_ends_when_its_time_is_over(
        self, tmp_path: Path, spanish: tuple[Sound, int], tempo: float
    ) -> None:
        """Speech, and its ring of at most 40 ms: the last sound is within 2 ms of its place."""
        take, path = made_take(tmp_path, *spanish)
        voice = say_whole(take, path, tempo)
        _, end = find_speech_bounds(voice.sound, RATE)
        assert pytest.approx(voice.lead / RATE + take.speech_seconds / tempo, abs=0.002) == end
        assert len(voice.sound) / RATE <= end + 0.042

    def test_what_is_around_the_speech_fits_between_two_takes(self) -> None:
        """The timeline keeps a gap, and two takes are never heard at once."""
        from dub_platform.core.timeline import GAP_SECONDS

        assert stretching.LEAD_SECONDS + stretching.TAIL_SECONDS < GAP_SECONDS

    @pytest.mark.parametrize("after", [0.3, 0.0], ids=["silence", "nothing"])
    @pytest.mark.parametrize("before", [0.3, 0.0], ids=["silence", "nothing"])
    def test_its_edges_do_not_click(self, tmp_path: Path, before: float, after: float) -> None:
        """No step at an edge stands out from those beside it, also where a vowel is cut off."""
        take, path = made_take(
            tmp_path, tone(200, 1.0, rate=24_000), 24_000,
            before=silence(before, rate=24_000), after=after,
        )  # fmt: skip
        sound = np.pad(say_whole(take, path, 1.1).sound, 1)
        steps = np.abs(np.diff(sound))
        edge = round(0.002 * RATE)
        assert max(steps[0], steps[-1]) <= 1e-4
        assert (
            max(steps[:edge].max(), steps[-edge:].max()) <= 1.5 * steps[2 * edge : -2 * edge].max()
        )

    def test_a_plosive_at_its_beginning_is_as_loud_as_it_was(self, tmp_path: Path) -> None:
        """The fade is before the speech, in what is quiet."""
        burst = np.concatenate([noise(0.005, db=-12, rate=24_000), silence(0.02, rate=24_000)])
        sound = np.concatenate([burst, tone(150, 0.5, db=-10, rate=24_000)])
        take, path = made_take(tmp_path, sound, 24_000)
        voice = say_whole(take, path, 1.2)
        expected = at_48_khz(np.concatenate([silence(0.01, rate=24_000), burst]), 24_000)
        loud = slice(voice.lead, voice.lead + round(0.005 * RATE))
        assert pytest.approx(expected[480:720].std(), rel=0.02) == voice.sound[loud].std()

    def test_a_take_at_48_khz_and_its_own_tempo_is_not_touched(self, tmp_path: Path) -> None:
        """Every sample of its speech is the recording's."""
        take, path = made_take(tmp_path, tone(200, 0.5), RATE)
        recording = decode_recording(path).sound
        voice = say_whole(take, path, 1.0)
        first, last = round(take.speech_start * RATE), round(take.speech_end * RATE)
        said = voice.sound[voice.lead : voice.lead + last - first]
        assert np.array_equal(recording[first:last], said)

    @pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100])
    def test_resampling_moves_nothing_and_mirrors_nothing(self, rate: int) -> None:
        """A click stays to a frame, and of a high tone no image is heard, 80 dB below it."""
        click = silence(1.0, rate=rate)
        click[rate // 2] = 1.0
        assert (RATE, RATE // 2) == (
            len(at_48_khz(click, rate)), int(at_48_khz(click, rate).argmax())
        )  # fmt: skip
        high = at_48_khz(tone(0.44 * rate, 1.0, rate=rate), rate)[2_000:-2_000]
        levels = np.abs(np.fft.rfft(high * np.blackman(len(high))))
        image = levels[round(0.5 * rate * len(high) / RATE) :]
        assert image.max() < 1e-4 * levels.max()
