"""ffmpeg as it is run here: what it measures is true, and how it fails is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg as graphs
import numpy as np
import pytest

from dub_platform.core.errors import MediaToolError, StorageFullError
from resources.media import ffmpeg
from tests.support.full_disks import no_file_beyond, on_a_full_disk
from tests.support.recipes.media import (
    RATE,
    cut,
    make_clip,
    make_lent,
    make_script,
    make_sound,
    noise,
    silence,
    stereo,
    tone,
)


@pytest.fixture
def any_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs may use what the platform's own never do."""
    monkeypatch.setattr(ffmpeg, "require_listed", lambda graph: None)


@pytest.mark.parametrize("db", [-40.0, -20.0, -1.0])
def test_a_sine_is_as_loud_as_the_standard_says(tmp_path: Path, db: float) -> None:
    """1 kHz in both channels at its peak level in LUFS (EBU Tech 3341), which is its true peak."""
    sound = stereo(tone(1000, 4.0, db=db), tone(1000, 4.0, db=db))
    measured = ffmpeg.measure(make_sound(tmp_path / "sine.wav", sound, acodec="pcm_f32le")).loudness
    assert pytest.approx(db, abs=0.11) == measured.lufs
    assert pytest.approx(db, abs=0.11) == measured.true_peak_db


def test_a_peak_between_samples_is_found(tmp_path: Path) -> None:
    """A quarter-rate sine whose samples all miss its peak reaches 3 dB over them."""
    phase = np.pi / 4 + np.pi / 2 * np.arange(4 * RATE)
    sound = (0.5 * np.hanning(len(phase)) * np.sin(phase)).astype(np.float32)
    path = make_sound(tmp_path / "sine.wav", stereo(sound, sound), acodec="pcm_f32le")
    assert pytest.approx(20 * np.log10(0.5), abs=0.2) == ffmpeg.measure(path).loudness.true_peak_db
    assert float(np.abs(sound).max()) < 0.36


def test_silence_has_the_least_loudness(tmp_path: Path) -> None:
    """-70 LUFS is where the meter's gate is, and no peak is minus infinity."""
    sound = make_sound(tmp_path / "silence.wav", silence(2.0))
    assert ffmpeg.Loudness(-70.0, float("-inf")) == ffmpeg.measure(sound).loudness


def test_the_meter_says_no_more_of_a_longer_sound(tmp_path: Path) -> None:
    """Else hours of sound would be a log of a hundred thousand lines, all in memory."""

    def lines(seconds: float) -> int:
        sound = make_sound(tmp_path / f"{seconds}.wav", tone(440, seconds))
        meter = ffmpeg.loudness_meter(graphs.input(str(sound)).audio)
        return len(ffmpeg.run(meter).splitlines())

    assert lines(1.0) == lines(30.0)


@pytest.mark.usefixtures("any_graph")
def test_work_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """On however many cores it is done."""
    monkeypatch.setattr(ffmpeg, "MOST_CPU_SECONDS", 1)
    endless = graphs.input("anullsrc", format="lavfi").output("-", format="null")
    with pytest.raises(MediaToolError, match="for 1 s of all cores together"):
        ffmpeg.run(endless)


def test_what_is_made_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file can decode to one that fills the disk, which is no word of a full one."""
    monkeypatch.setattr(ffmpeg, "MOST_FILE_BYTES", 100_000)
    clip = make_clip(tmp_path / "clip.mp4", sound=tone(440, 2.0))
    wav = tmp_path / "sound.wav"
    with pytest.raises(MediaToolError, match="more than 100,000 bytes"):
        ffmpeg.run(ffmpeg.untrusted(clip).output(str(wav), format="wav", codec="pcm_s16le"))
    assert wav.stat().st_size <= 100_000


@pytest.mark.usefixtures("any_graph")
def test_sound_that_lies_in_another_file_is_not_heard(tmp_path: Path) -> None:
    """ffmpeg would open it, if it were asked to."""
    lent = make_lent(tmp_path / "lent.mov", tmp_path / "private.mov")

    def heard(graph: Any) -> float:
        return ffmpeg.parse_loudness(ffmpeg.run(ffmpeg.loudness_meter(graph.audio))).lufs

    assert heard(graphs.input(str(lent), enable_drefs=1)) > -30.0
    assert heard(ffmpeg.untrusted(lent)) == -70.0


@pytest.mark.parametrize("name", ["sound.flac", "sound.m4a", "sound.wav", "sound.mp3"])
@pytest.mark.parametrize("seconds", [0.5, 7.313])
def test_a_sound_is_as_long_as_it_decodes(tmp_path: Path, name: str, seconds: float) -> None:
    """To 20 ms, whatever the codec pads."""
    path = make_sound(tmp_path / name, tone(440, seconds))
    assert pytest.approx(seconds, abs=0.020) == ffmpeg.measure(path).seconds


def test_a_header_that_lies_about_the_length_is_not_believed(tmp_path: Path) -> None:
    """Half an MP3 is half as long, though its header claims it all."""
    path = cut(make_sound(tmp_path / "sound.mp3", tone(440, 10.0)), 0.5)
    assert pytest.approx(5.0, abs=0.2) == ffmpeg.measure(path).seconds


def test_loudness_of_another_text_is_refused() -> None:
    """Where the filter said nothing, its silence is not taken for a number."""
    with pytest.raises(MediaToolError, match="measured no loudness") as refused:
        ffmpeg.parse_loudness("no summary here")
    assert "no summary here" == refused.value.detail


def test_a_failure_says_why_and_not_that_it_failed(tmp_path: Path) -> None:
    """The reason stands above the lines in which ffmpeg ends."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=1.0)
    odd = ffmpeg.untrusted(clip)["v:0"].filter("scale", w="161", h="91")
    with pytest.raises(MediaToolError) as failed:
        ffmpeg.run(
            odd.output(str(tmp_path / "film.mp4"), format="mp4", codec="libx264", pix_fmt="yuv420p")
        )
    assert "not divisible by 2" in str(failed.value)
    assert "0x" not in str(failed.value)


def test_a_failure_keeps_the_words_of_ffmpeg(tmp_path: Path) -> None:
    """The sentence ends with the last of them, and the detail has them all."""
    with pytest.raises(MediaToolError, match="No such file or directory") as failed:
        ffmpeg.run(graphs.input(str(tmp_path / "missing.mp4")).output("-", format="null"))
    assert "missing.mp4" in str(failed.value.detail)


@pytest.mark.usefixtures("any_graph")
def test_ffmpeg_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph has a deadline; this one would take an hour."""
    monkeypatch.setattr(ffmpeg, "DEADLINE_SECONDS", 0.3)
    slow = graphs.input("anullsrc", format="lavfi", t=3600).filter("arealtime")
    with pytest.raises(MediaToolError, match=r"had not ended after 0\.3 s"):
        ffmpeg.run(slow.output("-", format="null"))


def test_the_outline_is_loud_where_the_sound_is(tmp_path: Path) -> None:
    """Of a sound and of a video's sound, with silence in its second third."""
    silence = np.zeros_like(tone(440, 1.0))
    heard = np.concatenate([tone(440, 1.0, db=-1.0), silence, tone(440, 1.0)])
    sound = make_sound(tmp_path / "sound.wav", heard)
    clip = make_clip(tmp_path / "clip.mkv", sound=heard)
    for path in (sound, clip):
        third = ffmpeg.PLACES // 3
        outline = ffmpeg.outline(path)
        loud, soft = max(outline[: third - 2]), max(outline[2 * third + 2 :])
        assert (3 * third, ffmpeg.MOST_LOUD) == (len(outline), loud)
        assert {0} == set(outline[third + 2 : 2 * third - 2])
        assert 0 < soft < loud / 2


def test_the_outline_of_what_has_no_sound_is_refused(tmp_path: Path) -> None:
    """With ffmpeg's words."""
    with pytest.raises(MediaToolError):
        ffmpeg.outline(make_clip(tmp_path / "clip.mp4"))


def test_a_script_opens_no_neighbour(tmp_path: Path) -> None:
    """Neither as a graph's input nor for its outline, whatever the probe said of it."""
    make_clip(tmp_path / "private.mp4", sound=tone(440, 2.0))
    script = make_script(tmp_path / "script.mp4", tmp_path / "private.mp4")
    with pytest.raises(MediaToolError):
        ffmpeg.run(ffmpeg.untrusted(script).output("-", format="null"))
    with pytest.raises(MediaToolError):
        ffmpeg.outline(script)


@pytest.mark.parametrize(
    "options",
    [
        {"c:v": "png", "pix_fmt": "rgb24"},
        {"vf": "scale=12000:3000", "frames:v": 1, "c:v": "mjpeg", "pix_fmt": "yuvj420p"},
    ],
    ids=["codec", "dimensions"],
)
def test_a_bomb_is_not_decoded(tmp_path: Path, options: dict[str, Any]) -> None:
    """Whatever the probe said of it."""
    clip = make_clip(tmp_path / "clip.mov", seconds=0.2, sound=tone(440, 0.2), options=options)
    with pytest.raises(MediaToolError):
        ffmpeg.run(ffmpeg.untrusted(clip)["v:0"].output("-", format="null"))


def test_memory_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What wants more fails, and takes nothing from others."""
    monkeypatch.setattr(ffmpeg, "MOST_MEMORY_BYTES", 1 << 26)
    clip = make_clip(tmp_path / "clip.mp4", sound=tone(440, 2.0))
    with pytest.raises(MediaToolError):
        ffmpeg.run(ffmpeg.untrusted(clip).output("-", format="null"))


@pytest.mark.usefixtures("any_graph")
@pytest.mark.parametrize("name", ["sound.flac", "sound.m4a", "sound.wav", "film.mp4"])
def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, name: str) -> None:
    """Where ffmpeg says so, and where the system ends it at a limit; with space, the same works."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=3.0, sound=noise(3.0))

    def make(into: Path) -> None:
        options = {"movflags": "+faststart"} if into.suffix in (".m4a", ".mp4") else {}
        ffmpeg.run(ffmpeg.untrusted(clip).output(str(into), **options))

    (tmp_path / "full").mkdir()
    with pytest.raises(StorageFullError, match="what ffmpeg makes could not be written"):
        make(on_a_full_disk(tmp_path / "full" / name))
    with no_file_beyond(10_000), pytest.raises(StorageFullError):
        make(tmp_path / name)
    make(tmp_path / name)
    assert pytest.approx(3.0, abs=0.1) == ffmpeg.measure(tmp_path / name).seconds
