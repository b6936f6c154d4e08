"""The probe on files of every kind, whole and broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg
import pytest
import soundfile

from dub_platform.core.errors import (
    MediaError,
    MediaOverLimitError,
    NoAudioError,
    NotAVideoError,
    TruncatedMediaError,
    VideoTooLongError,
)
from resources.media.probe import MediaFacts, Prober, probe
from tests.support.recipes.media import (
    RATE,
    SIZE,
    cut,
    make_clip,
    make_cut_clip,
    make_picture,
    make_script,
    make_sound,
    noise,
    run,
    silence,
    tone,
    two_sounds,
)

HOUR = 3600.0
CONTAINERS = [
    ("clip.mp4", "mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac"),
    ("clip.mov", "mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac"),
    ("clip.mkv", "matroska,webm", "h264", "flac"),
    ("clip.webm", "matroska,webm", "vp9", "opus"),
    ("clip.avi", "avi", "mpeg4", "mp3float"),
    ("clip.ts", "mpegts", "h264", "aac"),
    ("clip.mpg", "mpeg", "mpeg2video", "mp2"),
]


def refusal(path: Path) -> MediaError:
    """Why the file is not taken."""
    with pytest.raises(MediaError) as refused:
        probe(path, max_seconds=HOUR)
    return refused.value


@pytest.mark.parametrize(("name", "container", "video", "audio"), CONTAINERS)
def test_the_facts_are_those_of_the_recipe(
    tmp_path: Path, name: str, container: str, video: str, audio: str
) -> None:
    """Container, codecs and picture size to the letter, the length to a frame or two."""
    clip = make_clip(tmp_path / name, seconds=3.0, sound=tone(440, 3.0))
    facts = probe(clip, max_seconds=HOUR)
    assert pytest.approx(3.0, abs=0.05) == facts.seconds
    size = clip.stat().st_size
    assert MediaFacts(size, facts.seconds, container, video, audio, *SIZE, "yuv420p") == facts


@pytest.mark.parametrize(
    ("recipe", "seconds"),
    [
        ({"sound": tone(440, 1.0)}, 3.0),
        ({"sound": tone(440, 1.5), "late": 1.0}, 3.0),
        ({"sound": tone(440, 4.0)}, 4.0),
        ({"sound": silence(3.0)}, 3.0),
        ({"sound": tone(440, 3.0, rate=8_000), "rate": 8_000}, 3.0),
        ({"sound": tone(440, 3.0, rate=96_000), "rate": 96_000}, 3.0),
        ({"sound": noise(3.0).reshape(-1, 1).repeat(6, axis=1)}, 3.0),
    ],
    ids=["short sound", "late sound", "long sound", "silence", "8 kHz", "96 kHz", "5.1"],
)
def test_any_sound_makes_a_video(tmp_path: Path, recipe: dict[str, Any], seconds: float) -> None:
    """It lasts until its last stream ends."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=3.0, **recipe)
    assert pytest.approx(seconds, abs=0.03) == probe(clip, max_seconds=HOUR).seconds


def test_a_stream_that_does_not_begin_at_zero_is_no_longer_for_it(tmp_path: Path) -> None:
    """A recording of three seconds that starts counting at a hundred lasts three."""
    clip = make_clip(
        tmp_path / "clip.ts", seconds=3.0, sound=tone(440, 3.0), options={"output_ts_offset": 100}
    )
    assert pytest.approx(3.0, abs=0.05) == probe(clip, max_seconds=HOUR).seconds


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_a_video_cut_off_on_its_way_is_refused(tmp_path: Path, name: str, share: float) -> None:
    """Its header promises more than there is; the sentence says how much came."""
    clip = make_cut_clip(tmp_path / name, share=share, seconds=10.0, sound=tone(440, 10.0))
    refused = refusal(clip)
    assert isinstance(refused, TruncatedMediaError)
    assert "10 s long, but it ends after" in refused.sentence


def test_a_video_whose_index_did_not_arrive_is_refused(tmp_path: Path) -> None:
    """An MP4 with its index at the end is nothing without it."""
    clip = cut(make_clip(tmp_path / "clip.mp4", sound=tone(440, 2.0)), 0.6)
    refused = refusal(clip)
    assert isinstance(refused, NotAVideoError)
    assert "Invalid data" in str(refused.detail)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    """There is nothing in it to dub."""
    assert isinstance(refusal(make_clip(tmp_path / "clip.mp4")), NoAudioError)


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.wav", "song.flac", "song.ogg"])
def test_sound_without_pictures_is_refused(tmp_path: Path, name: str) -> None:
    """The sentence asks for the video that it belongs to."""
    refused = refusal(make_sound(tmp_path / name, tone(440, 1.0)))
    assert isinstance(refused, NotAVideoError)
    assert "no pictures" in refused.sentence


def test_an_album_picture_does_not_make_a_video(tmp_path: Path) -> None:
    """A song with a cover has no moving picture."""
    picture = make_picture(tmp_path / "cover.png")
    song = make_sound(tmp_path / "song.mp3", tone(440, 1.0), cover=picture)
    assert "no pictures" in refusal(song).sentence


@pytest.mark.parametrize("name", ["clip.mp4", "clip.png"])
def test_a_picture_is_no_video(tmp_path: Path, name: str) -> None:
    """Whatever it calls itself."""
    picture = make_picture(tmp_path / "picture.png")
    assert isinstance(refusal(picture.rename(tmp_path / name)), NotAVideoError)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100_000, noise(1.0).tobytes(), b"%PDF-1.7\n", b"\x1aE\xdf\xa3"],
    # A test's name is in its processes' environment, which has no room for these.
    ids=["nothing", "zeros", "noise", "PDF", "the start of a Matroska file"],
)
def test_garbage_is_no_video(tmp_path: Path, content: bytes) -> None:
    """Nothing, zeros, noise, another kind of file, a magic number alone."""
    (tmp_path / "clip.mp4").write_bytes(content)
    assert isinstance(refusal(tmp_path / "clip.mp4"), NotAVideoError)


@pytest.mark.parametrize("name", ["script.mp4", "script.ffconcat", "script.txt"])
def test_a_script_does_not_open_its_neighbour(tmp_path: Path, name: str) -> None:
    """A text that names another file is no way to it."""
    make_clip(tmp_path / "private.mp4", sound=tone(440, 2.0))
    script = make_script(tmp_path / name, tmp_path / "private.mp4")
    assert isinstance(refusal(script), NotAVideoError)


def test_a_playlist_does_not_open_its_neighbour(tmp_path: Path) -> None:
    """Nor does one that web players read."""
    make_clip(tmp_path / "private.ts", sound=tone(440, 2.0))
    playlist = tmp_path / "clip.mp4"
    playlist.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nprivate.ts\n#EXT-X-ENDLIST\n"
    )
    assert isinstance(refusal(playlist), NotAVideoError)


def test_a_codec_that_is_not_taken_is_refused(tmp_path: Path) -> None:
    """A small PNG can be a picture of a thousand million pixels."""
    bomb = {"c:v": "png", "pix_fmt": "rgb24"}
    clip = make_clip(tmp_path / "clip.mov", sound=tone(440, 2.0), options=bomb)
    assert isinstance(refusal(clip), NotAVideoError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vf": "scale=12000:3000", "frames:v": 1}, "12000 x 3000"),
        ({"r": 1000, "c:v": "mjpeg", "pix_fmt": "yuvj420p"}, "1000 pictures a second"),
    ],
    ids=["dimensions", "rate"],
)
def test_absurd_pictures_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """Each would cost more memory or time than any video."""
    clip = make_clip(tmp_path / "clip.mkv", seconds=0.2, sound=tone(440, 0.2), options=options)
    refused = refusal(clip)
    assert isinstance(refused, MediaOverLimitError)
    assert said in refused.sentence


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a:b.mp4", "per%d cent.mp4", "mañana 😀.mp4", "'q'.mp4"]
)
def test_a_strange_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    """No part of it is taken for an option, a protocol or a pattern."""
    clip = make_clip(tmp_path / "clip.mp4", sound=tone(440, 2.0)).rename(tmp_path / name)
    assert "h264" == probe(clip, max_seconds=HOUR).video_codec


def test_a_video_over_the_limit_is_refused(tmp_path: Path) -> None:
    """The sentence says how long it is and how long it may be."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=3.0, sound=tone(440, 3.0))
    with pytest.raises(VideoTooLongError, match="3 s long, and at most 2 s"):
        Prober(max_seconds=2)(clip)
    assert pytest.approx(3.0, abs=0.03) == Prober(max_seconds=3)(clip).seconds


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mp4"])
@pytest.mark.parametrize(
    ("languages", "default", "asked", "heard"),
    [
        (("spa", "eng"), 1, "en", 1),
        (("spa", "eng"), 0, "en", 1),
        (("spa", "eng"), 1, "es", 0),
        (("spa", "eng"), 1, "fr", 1),
        (("spa", "eng"), 1, None, 1),
        (("spa", "eng"), 1, "auto", 1),
        (("ger", "eng"), 1, "de", 0),
        (("", ""), 0, "en", 0),
    ],
)
def test_of_several_sounds_the_one_that_is_spoken_is_heard(
    tmp_path: Path,
    name: str,
    languages: tuple[str, ...],
    default: int,
    asked: str | None,
    heard: int,
) -> None:
    """In the language that was named, else the one that players choose."""
    clip = two_sounds(tmp_path / name, *languages, default=default)
    assert heard == probe(clip, max_seconds=HOUR, language=asked).audio_stream


def test_recordings_that_are_glued_together_are_refused(tmp_path: Path) -> None:
    """The clock starts again at the joint, and nothing after it would be dubbed."""
    parts = [
        make_clip(tmp_path / f"{number}.ts", seconds=4.0, sound=tone(440, 4.0)).read_bytes()
        for number in range(2)
    ]
    glued = tmp_path / "glued.ts"
    glued.write_bytes(b"".join(parts))
    assert "starts again after 4 s" in str(refusal(glued))


def test_a_clock_that_is_full_does_not_start_again(tmp_path: Path) -> None:
    """That of a transport stream is after 26 and a half hours, and goes on from zero."""
    full = {"output_ts_offset": "95440", "muxdelay": "0"}
    clip = make_clip(tmp_path / "clip.ts", seconds=6.0, sound=tone(440, 6.0), options=full)
    assert pytest.approx(6.0, abs=0.1) == probe(clip, max_seconds=HOUR).seconds


def test_a_sound_alone_has_facts_too(tmp_path: Path) -> None:
    """As of a video that is not shown here."""
    soundfile.write(tmp_path / "sound.wav", tone(440, 2.0), RATE)
    run(ffmpeg.input(str(tmp_path / "sound.wav")).output(str(tmp_path / "sound.m4a")))
    facts = probe(tmp_path / "sound.m4a", max_seconds=HOUR, sound_alone=True)
    assert (None, None, "aac") == (facts.video_codec, facts.pixel_format, facts.audio_codec)
