"""The film: what a player finds in the MP4, by decoding it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dub_platform.core.errors import MediaToolError
from dub_platform.core.speech import SourceMedia
from dub_platform.core.text.captions import Cue, as_srt
from resources.media.film import Voiced, mux, require_length
from resources.media.probe import MediaFacts, probe
from resources.media.sound import decode_sound
from tests.support.measuring import locate
from tests.support.recipes.dub import ONSETS, make_dub, take
from tests.support.recipes.media import (
    RATE,
    Sound,
    make_changing_clip,
    make_clip,
    make_lying_clip,
    make_script,
    make_sound,
    noise,
    silence,
    stereo,
    tone,
    two_sounds,
)

SECONDS = 3.0
CUES = [Cue(0.5, 1.5, ("Buenos días,", "mundo.")), Cue(1.6, 2.0, ("Fin",))]


# One worker has the clips that many tests begin with, and their facts.
pytestmark = pytest.mark.xdist_group("film")
known: dict[bytes, MediaFacts] = {}


def media_of(path: Path) -> SourceMedia:
    """The facts of a source, as the probe gives them, which looks once at the same bytes."""
    content = hashlib.sha256(path.read_bytes()).digest()
    facts = known[content] if content in known else probe(path, max_seconds=60)
    known[content] = facts
    return SourceMedia(
        key="videos/x/source",
        sha256="0" * 64,
        bytes=facts.bytes,
        seconds=facts.seconds,
        container=facts.container,
        video_codec=facts.video_codec,
        audio_codec=facts.audio_codec,
        width=facts.width,
        height=facts.height,
        title="A harbor",
        language="en",
        pixel_format=facts.pixel_format,
    )


def make_srt(path: Path, cues: list[Cue]) -> Path:
    path.write_text(as_srt(cues), encoding="utf-8")
    return path


def make_film(
    folder: Path, source: Path, languages: tuple[str, ...] = ("es",), cues: list[Cue] = CUES
) -> Path:
    """The film of a source with a dub in each language: a click 1 s before its track ends."""
    srt = make_srt(folder / "captions.srt", cues)
    sound = clicked(SECONDS)
    voiced = [Voiced("en", srt)]
    for code in languages:
        voiced.append(Voiced(code, srt, make_sound(folder / f"{code}.m4a", sound)))
    mux(media_of(source), source, voiced, into=folder / "film.mp4")
    return folder / "film.mp4"


def clicked(seconds: float) -> Sound:
    """Stereo with a short burst that begins a second before the end."""
    sound = silence(seconds)
    first = round((seconds - 1.0) * RATE)
    sound[first : first + RATE // 50] = noise(0.02, db=-10)
    return stereo(sound, sound)


def streams(film: Path) -> list[tuple[str, str, str | None, bool]]:
    """Kind, codec, language and whether it plays by default, of every stream in order."""
    import av

    with av.open(str(film)) as container:
        return [
            (
                stream.type,
                stream.codec_context.name if stream.type != "subtitle" else _tag(stream),
                stream.metadata.get("language"),
                bool(int(stream.disposition) & 1),
            )
            for stream in container.streams
        ]


def _tag(stream: Any) -> str:
    return str(stream.codec_context.codec.name)


def heard(film: Path, number: int) -> tuple[float, NDArray[np.float32]]:
    """When an audio stream starts in the film, and its first channel as decoded."""
    import av

    with av.open(str(film)) as container:
        resampler = av.AudioResampler("fltp", "stereo", RATE)
        frames = [
            frame
            for decoded in container.decode(audio=number)
            for frame in resampler.resample(decoded)
        ]
    start = float((frames[0].pts or 0) * (frames[0].time_base or 0))
    return start, np.concatenate([frame.to_ndarray()[0] for frame in frames])


def pictures(film: Path) -> tuple[float, float, int]:
    """When the first and the last picture are shown, and how many there are."""
    import av

    with av.open(str(film)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return times[0], times[-1], len(times)


def captions(film: Path, number: int) -> list[tuple[float, float, str]]:
    """Start, end and text of every caption of a stream that is not empty."""
    import av

    with av.open(str(film)) as container:
        stream = container.streams.subtitles[number]
        packets = [packet for packet in container.demux(stream) if packet.size > 2]
        return [
            (
                float(packet.pts * packet.time_base),
                float((packet.pts + packet.duration) * packet.time_base),
                # Text of a tx3g sample: two bytes of length, then UTF-8.
                bytes(packet)[2 : 2 + int.from_bytes(bytes(packet)[:2], "big")].decode(),
            )
            for packet in packets
        ]


def test_the_film_has_every_language_and_says_which(tmp_path: Path) -> None:
    """The source's pictures and sound, then the dubs, then captions, in MP4's language codes.

    What is on is the original; ffmpeg leaves no MP4 without a caption track that is.
    """
    source = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    assert streams(make_film(tmp_path, source, ("ca", "es"))) == [
        ("video", "h264", "und", True),
        ("audio", "aac", "eng", True),
        ("audio", "aac", "cat", False),
        ("audio", "aac", "spa", False),
        ("subtitle", "mov_text", "eng", True),
        ("subtitle", "mov_text", "cat", False),
        ("subtitle", "mov_text", "spa", False),
    ]


def test_players_can_show_each_language_by_its_own_name(tmp_path: Path) -> None:
    """Sound and captions both carry it."""
    import av

    source = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    with av.open(str(make_film(tmp_path, source, ("ca", "es")))) as container:
        names = [stream.metadata["handler_name"] for stream in container.streams]
    assert ["English", "català", "español"] * 2 == names[1:]


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("clip.mp4", "h264"),
        ("clip.mkv", "h264"),
        ("clip.webm", "vp9"),
        ("clip.ts", "h264"),
        ("clip.avi", "h264"),
        ("clip.mpg", "h264"),
    ],
)
def test_every_source_makes_a_film_that_plays(tmp_path: Path, name: str, video: str) -> None:
    """Codecs that browsers play, as long as the source, with every picture."""
    source = make_clip(tmp_path / name, seconds=SECONDS, sound=tone(440, SECONDS))
    film = make_film(tmp_path, source)
    codecs = [codec for kind, codec, _, _ in streams(film) if kind != "subtitle"]
    assert [video, "aac"] == [codecs[0], codecs[2]]
    assert codecs[1] in ("aac", "mp3float")
    first, last, count = pictures(film)
    assert pytest.approx(0.0, abs=0.045) == first
    assert pytest.approx(SECONDS - 0.04, abs=0.045) == last
    assert pytest.approx(SECONDS * 25, abs=1) == count


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm", "clip.ts"])
def test_each_sound_is_as_long_as_the_source(tmp_path: Path, name: str) -> None:
    """To 20 ms for the dub, and to a frame of its codec for the source's own."""
    source = make_clip(tmp_path / name, seconds=SECONDS, sound=tone(440, SECONDS))
    film = make_film(tmp_path, source)
    for number, tolerance in ((0, 0.030), (1, 0.020)):
        start, sound = heard(film, number)
        assert pytest.approx(SECONDS, abs=tolerance) == start + len(sound) / RATE


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm", "clip.ts"])
def test_a_dub_is_heard_when_its_track_has_it(tmp_path: Path, name: str) -> None:
    """To 5 ms: neither the container nor a codec's padding shifts it against the pictures."""
    source = make_clip(tmp_path / name, seconds=SECONDS, sound=tone(440, 1.0), late=0.5)
    start, sound = heard(make_film(tmp_path, source), 1)
    first = np.flatnonzero(np.abs(sound) > 0.05)[0]
    assert pytest.approx(SECONDS - 1.0, abs=0.005) == start + first / RATE


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm", "clip.ts"])
def test_the_original_is_heard_when_it_was(tmp_path: Path, name: str) -> None:
    """A sound that starts late in the source starts late in the film."""
    source = make_clip(tmp_path / name, seconds=SECONDS, sound=tone(440, 1.0), late=0.5)
    start, sound = heard(make_film(tmp_path, source), 0)
    first = np.flatnonzero(np.abs(sound) > 0.05)[0]
    assert pytest.approx(0.5, abs=0.025) == start + first / RATE


def test_takes_begin_in_the_track_alone_where_the_timeline_has_them(tmp_path: Path) -> None:
    """To the sample, from the very start and across pieces: found by correlation."""
    start, sound = heard(make_dub(tmp_path, seconds=21.0), 0)
    assert 0.0 == start
    assert pytest.approx(21.0, abs=0.020) == len(sound) / RATE
    found = [
        locate(take(number), sound.astype(np.float64), near=onset)
        for number, onset in enumerate(ONSETS)
    ]
    assert [round(onset * RATE) for onset in ONSETS] == [round(each.start * RATE) for each in found]
    assert min(each.likeness for each in found) > 0.9


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm", "clip.ts"])
def test_takes_begin_in_the_film_where_the_timeline_has_them(tmp_path: Path, name: str) -> None:
    """To a millisecond, in which a film counts, and from the very start."""
    source = make_clip(tmp_path / name, seconds=SECONDS, sound=tone(440, 1.0), late=0.5)
    dub, srt = make_dub(tmp_path, seconds=SECONDS), make_srt(tmp_path / "captions.srt", CUES)
    film = tmp_path / "film.mp4"
    mux(media_of(source), source, [Voiced("en", srt), Voiced("es", srt, dub)], into=film)
    start, sound = heard(film, 1)
    for number, onset in enumerate(ONSETS[:2]):
        found = locate(take(number), sound.astype(np.float64), near=onset)
        assert pytest.approx(onset, abs=0.001) == start + found.start
        assert found.likeness > 0.9


def test_captions_cut_nothing(tmp_path: Path) -> None:
    """The last caption ends a second before the film does, and one ends after it."""
    source = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    for cues in (CUES, [Cue(0.5, 1.0, ("Sí.",))], [Cue(2.5, 4.5, ("Fin.",))]):
        film = make_film(tmp_path, source, cues=cues)
        assert pytest.approx(SECONDS - 0.04, abs=0.02) == pictures(film)[1]
        assert pytest.approx(SECONDS, abs=0.020) == len(heard(film, 1)[1]) / RATE


def test_captions_are_shown_as_they_were_written(tmp_path: Path) -> None:
    """Each with its rows, at its time, in every language."""
    source = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    film = make_film(tmp_path, source)
    for number in (0, 1):
        shown = captions(film, number)
        assert ["Buenos días,\nmundo.", "Fin"] == [text for _, _, text in shown]
        assert pytest.approx([0.5, 1.6], abs=0.001) == [start for start, _, _ in shown]
        assert pytest.approx([1.5, 2.0], abs=0.001) == [end for _, end, _ in shown]


@pytest.mark.parametrize(
    "text",
    [
        "1984",
        "<b>a</b> & <i>",
        "{\\an8}arriba",
        "a {\\i1}b{\\i0} c",
        "-->",
        "\\N",
        "50 %",
        "¿«ñ»? 你",
    ],
)
def test_text_in_captions_is_only_text(tmp_path: Path, text: str) -> None:
    """Markup is shown and not obeyed; what players would obey is there by its look-alikes."""
    source = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    film = make_film(tmp_path, source, cues=[Cue(0.5, 1.0, (text,)), Cue(1.5, 2.0, ("Fin",))])
    expected = text.translate(str.maketrans("<>{}\\", "‹›｛｝＼"))
    assert [expected, "Fin"] == [shown for _, _, shown in captions(film, 0)]


def test_a_source_that_no_browser_plays_is_encoded_anew(tmp_path: Path) -> None:
    """FLAC and MPEG-4 part 2 become AAC and H.264; what plays is copied to the bit."""
    source = make_clip(tmp_path / "clip.avi", seconds=SECONDS, sound=tone(440, SECONDS))
    assert "h264" == streams(make_film(tmp_path, source))[0][1]
    playable = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    assert packets(playable) == packets(make_film(tmp_path, playable))


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p", "yuv444p"])
def test_h264_that_browsers_show_black_is_encoded_anew(tmp_path: Path, pixels: str) -> None:
    """They decode eight bits and half the colours, and nothing else."""
    options = {"pix_fmt": pixels}
    clip = tmp_path / "clip.mp4"
    source = make_clip(clip, seconds=SECONDS, sound=tone(440, SECONDS), options=options)
    assert ("h264", "yuv420p") == shape(make_film(tmp_path, source))[:2]


@pytest.mark.parametrize("size", ["161:91", "160:91", "161:90"])
def test_pictures_of_an_odd_size_are_encoded(tmp_path: Path, size: str) -> None:
    """By a pixel wider or higher: the encoder halves their colours."""
    options = {"c:v": "libvpx", "deadline": "realtime", "cpu-used": 8, "vf": f"scale={size}"}
    clip = tmp_path / "clip.webm"
    source = make_clip(clip, seconds=SECONDS, sound=tone(440, SECONDS), options=options)
    codec, _, width, height = shape(make_film(tmp_path, source))
    wanted = [int(each) + int(each) % 2 for each in size.split(":")]
    assert ("h264", wanted) == (codec, [width, height])


def shape(film: Path) -> tuple[str, str, int, int]:
    """The codec, the pixels' format, the width and the height of the pictures."""
    facts = probe(film, max_seconds=60)
    return str(facts.video_codec), str(facts.pixel_format), facts.width, facts.height


@pytest.mark.parametrize("codec", ["flac", "aac"])
def test_the_original_ends_with_the_video_whatever_its_packets_say(
    tmp_path: Path, codec: str
) -> None:
    """Two minutes that claim to be a moment would be encoded whole, and so would two days."""
    source = make_lying_clip(tmp_path / "lying.mkv", codec, says=SECONDS, holds=120)
    film = make_film(tmp_path, source)
    start, samples = heard(film, 0)
    assert abs(start + len(samples) / RATE - SECONDS) < 0.1
    require_length(film, SECONDS)


def test_an_original_that_changes_its_channels_stays_in_its_place(tmp_path: Path) -> None:
    """What comes after the change is heard at its time in the film."""
    first = np.concatenate([silence(1.0), tone(440, 1.0), silence(1.0)])
    second = np.concatenate([silence(1.5), tone(440, 1.0), silence(0.5)])
    source = make_changing_clip(tmp_path / "source.ts", first, second)
    start, samples = heard(make_film(tmp_path, source), 0)
    loud = np.flatnonzero(np.abs(samples) > 0.01) / RATE + start
    assert pytest.approx((1.0, 5.5), abs=0.08) == (loud[0], loud[-1])
    assert pytest.approx(6.0, abs=0.1) == start + len(samples) / RATE


def test_a_film_of_another_length_is_not_published(tmp_path: Path) -> None:
    """Its packets are read, and what was said of the source is not believed."""
    film = make_film(
        tmp_path, make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    )
    require_length(film, SECONDS)
    with pytest.raises(MediaToolError, match=r"3\.\d s and the video 30\.0 s"):
        require_length(film, 30.0)


def test_the_original_in_the_film_is_the_sound_that_was_dubbed(tmp_path: Path) -> None:
    """Not the first one of the file, where that is in another language."""
    clip = two_sounds(tmp_path / "clip.mkv", "spa", "eng", default=0)
    media = replace(media_of(clip), audio_stream=1)
    srt = make_srt(tmp_path / "captions.srt", CUES)
    mux(media, clip, [Voiced("en", srt)], into=tmp_path / "film.mp4")
    sound = decode_sound(tmp_path / "film.mp4", seconds=2.0, into=tmp_path).speech
    samples, rate = soundfile.read(sound)
    loudest = np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples)
    assert pytest.approx(880, abs=2) == loudest


def packets(film: Path) -> list[bytes]:
    """The encoded pictures."""
    import av

    with av.open(str(film)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_the_film_can_be_watched_before_it_is_all_there(tmp_path: Path) -> None:
    """Its index comes first."""
    source = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    content = make_film(tmp_path, source).read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_nothing_of_the_sources_own_notes_is_in_the_film(tmp_path: Path) -> None:
    """Where and with what it was filmed is not published along."""
    source = make_clip(
        tmp_path / "clip.mp4",
        seconds=SECONDS,
        sound=tone(440, SECONDS),
        options={"metadata": "comment=filmed at home"},
    )
    assert b"filmed at home" in source.read_bytes()
    assert b"filmed at home" not in make_film(tmp_path, source).read_bytes()


def test_a_script_opens_no_neighbour(tmp_path: Path) -> None:
    """The source is opened as carefully as when it was probed."""
    clip = make_clip(tmp_path / "private.mp4", seconds=SECONDS, sound=tone(440, SECONDS))
    script = make_script(tmp_path / "script.mp4", clip)
    srt = make_srt(tmp_path / "captions.srt", CUES)
    with pytest.raises(MediaToolError):
        mux(media_of(clip), script, [Voiced("en", srt)], into=tmp_path / "film.mp4")
