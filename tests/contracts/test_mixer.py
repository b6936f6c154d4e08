"""What every mixer promises, measured on what it encoded.

Takes are noise that no other take has, with a tone of 3 kHz for their last 50 ms; beds are
tones that can be told apart by their frequency, or noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from dub_platform.core import loudness
from dub_platform.core.errors import MediaToolError, StorageFullError
from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import PlacedPart, Placement, Timeline
from resources.media import ffmpeg, sound
from resources.mixer.blocks import BlockMixer
from resources.mixer.port import Mixer
from tests.support.full_disks import no_file_beyond
from tests.support.measuring import (
    at_48_khz,
    decode,
    ebur128,
    level_db,
    locate,
    tone_level_db,
)
from tests.support.recipes.media import RATE, Sound, noise, silence, stereo, tone

TAKE_RATE = 22_050
TAKE_SECONDS = 1.2
LEAD_SECONDS = 0.3
TAIL_SECONDS = 0.05
TAIL_HERTZ = 3_000


@pytest.fixture(params=[BlockMixer], ids=["blocks"])
def engine(request: pytest.FixtureRequest) -> Mixer:
    made: Mixer = request.param()
    return made


def spoken(seed: int, seconds: float = TAKE_SECONDS) -> Sound:
    """What a take says, at its own rate."""
    sound = noise(seconds, seed=seed, rate=TAKE_RATE)
    tail = tone(TAIL_HERTZ, TAIL_SECONDS, db=-10.0, rate=TAKE_RATE)
    sound[-len(tail) :] = tail
    return sound


def make_take(folder: Path, line_id: int, sound: Sound) -> tuple[Take, Path]:
    """A take with silence before and after what it says, as voices give them."""
    path = folder / f"take-{line_id}.flac"
    lead, trail = silence(LEAD_SECONDS, rate=TAKE_RATE), silence(0.2, rate=TAKE_RATE)
    recording = np.concatenate([lead, sound, trail])
    soundfile.write(path, recording, TAKE_RATE, subtype="PCM_16")
    end = LEAD_SECONDS + len(sound) / TAKE_RATE
    seconds = len(recording) / TAKE_RATE
    return Take(line_id, f"key-{line_id}", "takes/x.flac", seconds, LEAD_SECONDS, end, 20), path


def mixed(
    engine: Mixer,
    folder: Path,
    bed: Sound,
    places: Sequence[tuple[float, float]] = ((1.0, 1.0),),
    *,
    speech: Sequence[Span] = (),
    says: Sound | None = None,
) -> Path:
    """The track of a bed and of one take for each (start, tempo)."""
    soundfile.write(folder / "bed.flac", bed, RATE, subtype="PCM_16")
    said = [spoken(number) if says is None else says for number in range(len(places))]
    takes = [make_take(folder, number, sound) for number, sound in enumerate(said)]
    placements = tuple(
        Placement(number, start, len(said[number]) / TAKE_RATE / tempo, tempo)
        for number, (start, tempo) in enumerate(places)
    )
    timeline = Timeline(len(bed) / RATE, placements)
    return engine.mix(folder / "bed.flac", takes, timeline, speech, into=folder).path


def part(sound: Any, start: float, end: float) -> Any:
    """The frames between two moments."""
    return sound[round(start * RATE) : round(end * RATE)]


def moment_db(sound: Any, hertz: float) -> float:
    """The level of a tone in a few milliseconds of sound, in dB below full scale."""
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / RATE)
    return float(20 * np.log10(2 * abs(np.mean(sound * wave)) + 1e-12))


def clicks(seconds: float) -> Sound:
    """Nothing but a full-scale sample twice a second."""
    sound = silence(seconds)
    sound[:: RATE // 2] = 1.0
    return sound


@pytest.mark.parametrize("seconds", [3.0, 7.313, 61.02])
def test_the_track_is_as_long_as_the_source(engine: Mixer, tmp_path: Path, seconds: float) -> None:
    """To 20 ms when it is decoded, below, at and above whole blocks."""
    track = mixed(engine, tmp_path, stereo(noise(seconds), noise(seconds)), speech=[Span(1.0, 2.2)])
    assert pytest.approx(seconds, abs=0.020) == len(decode(track)) / RATE


def test_the_last_take_is_whole_where_it_runs_past_the_end(engine: Mixer, tmp_path: Path) -> None:
    """The track is longer then, which a gate sees; nothing is cut to hide it."""
    track = decode(mixed(engine, tmp_path, stereo(silence(2.0), silence(2.0)), [(1.5, 1.0)]))
    assert pytest.approx(1.5 + TAKE_SECONDS, abs=0.020) == len(track) / RATE
    assert moment_db(part(track[:, 0], 2.67, 2.69), TAIL_HERTZ) > -20.0


@pytest.mark.parametrize(
    "bed",
    [
        stereo(noise(8.0, db=-60), noise(8.0, db=-60, seed=2)),
        stereo(noise(8.0, db=-8), noise(8.0, db=-8, seed=2)),
        np.clip(stereo(noise(8.0, db=0), noise(8.0, db=0, seed=2)), -1, 1),
        stereo(noise(8.0), noise(8.0)),
        stereo(silence(8.0), silence(8.0)),
        stereo(clicks(8.0), clicks(8.0)),
        stereo(tone(60, 8.0, db=0.0), tone(60, 8.0, db=0.0)),
    ],
    ids=["quiet", "loud", "clipped", "mono as stereo", "silent", "clicks", "bass"],
)
def test_the_track_is_at_its_loudness_and_under_its_peak(
    engine: Mixer, tmp_path: Path, bed: Sound
) -> None:
    """-16 LUFS to half a unit and at most -1.5 dBTP, measured on the encoded file."""
    track = mixed(engine, tmp_path, bed, [(1.0, 1.2), (4.0, 0.92)], speech=[Span(1.0, 2.0)])
    lufs, true_peak_db = ebur128(track)
    assert pytest.approx(loudness.TARGET_LUFS, abs=loudness.LUFS_TOLERANCE + 1e-9) == lufs
    assert true_peak_db <= loudness.TRUE_PEAK_DB


def test_a_peaky_voice_stays_under_the_peak(engine: Mixer, tmp_path: Path) -> None:
    """A voice whose peaks are 20 dB over its loudness is limited, and as loud as any."""
    says = spoken(1) * np.where(np.arange(len(spoken(1))) % 2_205 < 60, 4.0, 0.4)
    track = mixed(
        engine, tmp_path, stereo(silence(5.0), silence(5.0)), [(1.0, 1.0), (3.0, 1.0)],
        says=says.astype(np.float32),
    )  # fmt: skip
    lufs, true_peak_db = ebur128(track)
    assert pytest.approx(loudness.TARGET_LUFS, abs=loudness.LUFS_TOLERANCE + 1e-9) == lufs
    assert true_peak_db <= loudness.TRUE_PEAK_DB


def test_what_is_said_of_the_track_is_measured_on_it(engine: Mixer, tmp_path: Path) -> None:
    """The numbers that come with it are those of the encoded file."""
    bed = stereo(noise(4.0, db=-30), noise(4.0, db=-30, seed=2))
    soundfile.write(tmp_path / "bed.flac", bed, RATE, subtype="PCM_16")
    take = make_take(tmp_path, 0, spoken(0))
    timeline = Timeline(4.0, (Placement(0, 1.0, TAKE_SECONDS, 1.0),))
    result = engine.mix(tmp_path / "bed.flac", [take], timeline, (), into=tmp_path)
    measured = (result.loudness.lufs, result.loudness.true_peak_db)
    assert pytest.approx(ebur128(result.path), abs=0.1 + 1e-9) == measured


def test_takes_start_where_the_timeline_has_them(engine: Mixer, tmp_path: Path) -> None:
    """To 2 ms, at every tempo: found by correlation with what the take says first."""
    places = [(0.5, 1.0), (3.0, 1.2), (6.0, 0.92), (9.0, 1.3), (9.99, 1.0)]
    track = decode(mixed(engine, tmp_path, stereo(silence(12.0), silence(12.0)), places))[:, 0]
    for number, (start, _) in enumerate(places):
        # A stretched take begins as it was spoken: its first 9 ms tell where.
        first = at_48_khz(spoken(number).astype(np.float64), TAKE_RATE)[: round(0.009 * RATE)]
        found = locate(first, track, near=start, within=0.25)
        assert pytest.approx(start, abs=0.002) == found.start
        assert found.likeness > 0.9


def test_a_take_in_parts_pauses_between_them(engine: Mixer, tmp_path: Path) -> None:
    """Its second part starts to 2 ms where it is to, and until then nothing of it is heard."""
    soundfile.write(tmp_path / "bed.flac", stereo(silence(6.0), silence(6.0)), RATE)
    phrases = spoken(0), spoken(1)
    rest = silence(0.2, rate=TAKE_RATE)
    take = make_take(tmp_path, 0, np.concatenate([phrases[0], rest, phrases[1]]))
    parts = PlacedPart(0.0, 1.0, 1.2, 1.0), PlacedPart(1.4, 2.9, 1.0, 1.2)
    timeline = Timeline(6.0, (Placement(0, 1.0, 2.9, 1.2, parts=parts),))
    track = decode(engine.mix(tmp_path / "bed.flac", [take], timeline, (), into=tmp_path).path)[
        :, 0
    ]
    first = at_48_khz(phrases[1].astype(np.float64), TAKE_RATE)[: round(0.009 * RATE)]
    assert pytest.approx(2.9, abs=0.002) == locate(first, track, near=2.9, within=0.25).start
    assert level_db(part(track, 2.3, 2.85)) < -60.0
    assert moment_db(part(track, 3.87, 3.89), TAIL_HERTZ) > -20.0


@pytest.mark.parametrize("tempo", [1.0, 1.2, 0.92, 1.3, 0.9])
def test_no_take_is_cut(engine: Mixer, tmp_path: Path, tempo: float) -> None:
    """Its last 50 ms are heard at the end, and nothing after."""
    track = decode(mixed(engine, tmp_path, stereo(silence(4.0), silence(4.0)), [(1.0, tempo)]))[
        :, 0
    ]
    end = 1.0 + TAKE_SECONDS / tempo
    heard = [
        moment_db(part(track, at, at + 0.01), TAIL_HERTZ) > -20.0
        for at in np.arange(end - 0.12, end + 0.12, 0.01)
    ]
    assert pytest.approx(TAIL_SECONDS / tempo, abs=0.025) == 0.01 * sum(heard)
    assert level_db(part(track, end + 0.03, 4.0)) < -60.0


def test_the_original_voice_is_far_below_the_dub(engine: Mixer, tmp_path: Path) -> None:
    """18 dB or more in the middle while it speaks; what is at the sides falls by 6 at most."""
    voice = np.concatenate([silence(2.0), tone(500, 3.0), silence(3.0)])
    side = tone(300, 8.0, db=-35.0)
    says = tone(1000, 3.0, rate=TAKE_RATE)
    bed = stereo(voice + side, voice - side)
    track = decode(mixed(engine, tmp_path, bed, [(2.0, 1.0)], speech=[Span(2.0, 5.0)], says=says))
    middle, sides = track.mean(axis=1), (track[:, 0] - track[:, 1]) / 2
    speaking = part(middle, 2.3, 4.7)
    assert tone_level_db(speaking, 1000) - tone_level_db(speaking, 500) >= 18.0
    fall = tone_level_db(part(sides, 6.0, 7.8), 300) - tone_level_db(part(sides, 2.3, 4.7), 300)
    assert 0.0 <= fall <= 6.0


@pytest.mark.parametrize("channel", [0, 1], ids=["left", "right"])
def test_a_voice_in_one_channel_is_ducked_in_both(
    engine: Mixer, tmp_path: Path, channel: int
) -> None:
    """It is in the sides as much as in the middle, so both are lowered."""
    voice = np.concatenate([silence(2.0), tone(500, 3.0), silence(3.0)])
    bed = stereo(noise(8.0, db=-50), noise(8.0, db=-50, seed=2))
    bed[:, channel] += voice
    says = tone(1000, 3.0, rate=TAKE_RATE)
    track = decode(mixed(engine, tmp_path, bed, [(2.0, 1.0)], speech=[Span(2.0, 5.0)], says=says))
    for heard in part(track, 2.3, 4.7).T:
        assert tone_level_db(heard, 1000) - tone_level_db(heard, 500) >= 18.0


def test_a_voice_without_a_take_is_ducked_too(engine: Mixer, tmp_path: Path) -> None:
    """Where the original speaks and the dub is silent already, it is still not followed."""
    voice = tone(500, 8.0)
    bed = stereo(voice, voice)
    track = decode(mixed(engine, tmp_path, bed, [(1.0, 1.0)], speech=[Span(1.0, 5.0)]))[:, 0]
    fall = tone_level_db(part(track, 6.0, 7.8), 500) - tone_level_db(part(track, 3.0, 4.8), 500)
    assert fall >= 18.0


def test_the_bed_is_untouched_where_nobody_speaks(engine: Mixer, tmp_path: Path) -> None:
    """One gain for all of it, in the middle and at the sides, before and after speech."""
    bed = stereo(tone(200, 9.0, db=-30) + tone(300, 9.0, db=-35), tone(200, 9.0, db=-30))
    track = decode(mixed(engine, tmp_path, bed, [(3.0, 1.0)], speech=[Span(3.0, 4.0)]))
    for channel, hertz in ((0, 200), (0, 300), (1, 200)):
        levels = [
            tone_level_db(part(track[:, channel], start, start + 1.0), hertz)
            for start in (0.5, 1.5, 5.0, 6.0, 7.5)
        ]
        assert max(levels) - min(levels) < 0.1


def test_a_dub_over_silence_is_only_the_dub(engine: Mixer, tmp_path: Path) -> None:
    """Nothing is raised out of a silent bed between the takes."""
    track = decode(
        mixed(engine, tmp_path, stereo(silence(6.0), silence(6.0)), [(1.0, 1.0), (4.0, 1.0)])
    )
    assert level_db(part(track, 2.5, 3.8)) < -80.0


def test_the_loudness_of_takes_does_not_depend_on_how_many_there_are(
    engine: Mixer, tmp_path: Path
) -> None:
    """Gains are not shared out among the takes of a video."""
    levels = []
    for places in ([(1.0, 1.0)], [(start, 1.0) for start in np.arange(1.0, 16.0, 1.5)]):
        bed = stereo(tone(200, 20.0), tone(300, 20.0))
        says = tone(1000, TAKE_SECONDS, rate=TAKE_RATE)
        track = decode(mixed(engine, tmp_path, bed, places, speech=[Span(1.0, 2.2)], says=says))
        left = track[:, 0]
        dub = tone_level_db(part(left, 1.1, 2.1), 1000)
        levels.append(dub - tone_level_db(part(left, 18.5, 19.8), 200))
    assert pytest.approx(levels[0], abs=0.5) == levels[1]


def test_silence_without_a_take_stays_silent(engine: Mixer, tmp_path: Path) -> None:
    """There is nothing to bring to a loudness, and no attempt is made for ever."""
    assert -70.0 == ebur128(mixed(engine, tmp_path, stereo(silence(2.0), silence(2.0)), []))[0]


@pytest.mark.parametrize("damaged", ["bed.flac", "take-0.flac"])
def test_a_damaged_sound_is_named_as_such(engine: Mixer, tmp_path: Path, damaged: str) -> None:
    """The error says what to make anew, and keeps the library's words."""
    soundfile.write(tmp_path / "bed.flac", stereo(noise(3.0), noise(3.0)), RATE)
    take = make_take(tmp_path, 0, spoken(0))
    (tmp_path / damaged).write_bytes(b"not sound")
    timeline = Timeline(3.0, (Placement(0, 1.0, TAKE_SECONDS, 1.0),))
    with pytest.raises(MediaToolError, match="Materialize audio and speech") as failed:
        engine.mix(tmp_path / "bed.flac", [take], timeline, (), into=tmp_path)
    assert damaged in str(failed.value.detail)


@pytest.mark.parametrize("size", [20_000, 300_000], ids=["a voice", "the track"])
def test_a_full_disk_is_named_and_the_same_works_with_space(
    engine: Mixer, tmp_path: Path, size: int
) -> None:
    """Whichever of the mixer's own files does not fit."""
    soundfile.write(tmp_path / "bed.flac", stereo(noise(20.0), noise(20.0)), RATE)
    take = make_take(tmp_path, 0, spoken(0))
    timeline = Timeline(20.0, (Placement(0, 1.0, TAKE_SECONDS, 1.0),))

    def mix() -> Path:
        return engine.mix(tmp_path / "bed.flac", [take], timeline, (), into=tmp_path).path

    with no_file_beyond(size), pytest.raises(StorageFullError, match="is full"):
        mix()
    assert pytest.approx(20.0, abs=0.02) == ffmpeg.measure(mix()).seconds


@pytest.mark.parametrize(
    ("rate", "channels", "db"),
    [
        (8_000, 1, -20.0),
        (11_025, 2, -20.0),
        (44_100, 2, -70.0),
        (48_000, 6, -3.0),
        (96_000, 2, 12.0),
    ],
    ids=["8 kHz mono", "11 kHz", "very quiet", "loud 5.1", "clipped 96 kHz"],
)
def test_whatever_comes_in_goes_out_as_promised(
    engine: Mixer, tmp_path: Path, rate: int, channels: int, db: float
) -> None:
    """Loudness, true peak, length, rate and channels, from a source as the platform decodes it."""
    source = np.stack([noise(6.0, db=db, seed=n, rate=rate) for n in range(channels)], axis=1)
    wav = tmp_path / "source.wav"
    soundfile.write(wav, source, rate, subtype="PCM_16")
    bed = sound.decode_sound(wav, seconds=6.0, into=tmp_path, pictures=False).sound
    take = make_take(tmp_path, 0, spoken(0))
    timeline = Timeline(6.0, (Placement(0, 1.0, TAKE_SECONDS, 1.0),))
    track = engine.mix(bed, [take], timeline, [Span(1.0, 2.0)], into=tmp_path).path
    lufs, true_peak_db = ebur128(track)
    assert pytest.approx(loudness.TARGET_LUFS, abs=loudness.LUFS_TOLERANCE + 1e-9) == lufs
    assert true_peak_db <= loudness.TRUE_PEAK_DB
    with av.open(str(track)) as container:
        stream = container.streams.audio[0]
        assert (48_000, 2) == (stream.codec_context.sample_rate, stream.codec_context.channels)
    assert pytest.approx(6.0, abs=0.020) == len(decode(track)) / RATE
