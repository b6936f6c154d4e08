"""The film: one MP4 with the source's video and sound, and every dubbed language.

    voiced = [Voiced("en", captions), Voiced("es", captions_es, track_es)]
    mux(media, Path("source.mp4"), voiced, into=Path("film.mp4"))

Each audio and caption stream carries its language, so players list them by name. Streams that an
MP4 can hold and browsers can play are copied, not encoded again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg as graphs

from dub_platform.core.errors import MediaToolError
from dub_platform.core.languages import language
from dub_platform.core.speech import SourceMedia
from resources.media import ffmpeg
from resources.media.probe import probe

_PLAYABLE_VIDEO = frozenset({"vp9", "libvpx-vp9", "av1", "libdav1d"})
# Browsers play H.264 with 8 bits and 4:2:0 only, and show black or nothing for other formats.
# None: videos that were prepared by an older release have no pixel format.
_PLAYABLE_H264 = frozenset({"yuv420p", "yuvj420p", None})
# Codecs pad their first and last packets, and streams end at slightly different times.
SLACK_SECONDS = 1.0
_PLAYABLE_AUDIO = frozenset({"aac", "mp3", "mp3float"})


@dataclass(frozen=True)
class Voiced:
    """One language of the film: its track and captions.

    The original has no track: it uses the source's.
    """

    language: str
    captions: Path
    track: Path | None = None


def mux(media: SourceMedia, source: Path, voiced: Sequence[Voiced], *, into: Path) -> None:
    """Write the film. `voiced` begins with the original. Raises MediaToolError."""
    number = media.audio_stream
    sound = ffmpeg.untrusted(source)[f"a:{number}"]
    if _is_playable_sound(media, source):
        ffmpeg.run(_film(media, source, voiced, sound, "copy", into))
        return
    steady = into.with_name("steady.mkv")
    if ffmpeg.changes(source, number):
        sound = ffmpeg.open_steady(source, number, pictures=True, into=steady)
    ffmpeg.run(_film(media, source, voiced, _at_packet_times(sound, media.seconds), "aac", into))
    steady.unlink(missing_ok=True)


def _film(
    media: SourceMedia,
    source: Path,
    voiced: Sequence[Voiced],
    sound: Any,
    codec: str,
    into: Path,
) -> Any:
    """Return the graph that writes the film; `sound` is the original's, encoded with `codec`."""
    pictures, is_playable = ffmpeg.untrusted(source)["v:0"], _is_playable(media)
    streams = [pictures if is_playable else _scale_to_even(pictures)]
    streams += [graphs.input(str(each.track))["a:0"] if each.track else sound for each in voiced]
    streams += [graphs.input(str(each.captions), format="srt")["s:0"] for each in voiced]
    codecs = {
        "codec:v": "copy" if is_playable else "libx264",
        "codec:a": "copy",
        "codec:a:0": codec,
        "codec:s": "mov_text",
    }
    if not is_playable:
        codecs |= {"pix_fmt": "yuv420p", "crf": "20", "preset": "veryfast"}
    # No -shortest: with a caption stream it would cut the film where the last caption ends.
    return graphs.output(
        *streams,
        str(into),
        format="mp4",
        movflags="+faststart",
        map_metadata=-1,
        **codecs,
        **_tags([each.language for each in voiced]),
        **_defaults(len(voiced)),
    )


def require_length(film: Path, seconds: float) -> None:
    """Check that the film is as long as its video, by its packets. Raises MediaToolError."""
    measured = probe(film, max_seconds=math.inf).seconds
    if abs(measured - seconds) > SLACK_SECONDS:
        raise MediaToolError(
            f"The film would last {measured:.1f} s and the video {seconds:.1f} s, so it was not "
            "published. Play the file through a program for videos and hand in what that saves."
        )


def _is_playable(media: SourceMedia) -> bool:
    """Whether browsers can play the source's video stream as it is."""
    if media.video_codec == "h264":
        return media.pixel_format in _PLAYABLE_H264
    return media.video_codec in _PLAYABLE_VIDEO


def _is_playable_sound(media: SourceMedia, source: Path) -> bool:
    """Whether browsers can play the source's sound as it is, and it ends where its packets say."""
    if media.audio_codec not in _PLAYABLE_AUDIO:
        return False
    return not ffmpeg.outlasts(source, media.audio_stream, media.seconds + SLACK_SECONDS)


def _at_packet_times(sound: Any, seconds: float) -> Any:
    """Return the sound with each packet at its own time, as in the dub, cut at the video's end.

    A file can hold hours of packets that all have the same time.
    """
    placed = sound.filter("aresample", **{"async": 1, "first_pts": 0})
    return placed.filter("atrim", end=seconds)


def _scale_to_even(pictures: Any) -> Any:
    """Scale the video to even width and height, which the encoder's halved colours need."""
    return pictures.filter("scale", w="ceil(iw/2)*2", h="ceil(ih/2)*2")


def _tags(codes: Sequence[str]) -> dict[str, str]:
    """Return the options that set the language and the name of each audio and caption stream.

    ffmpeg-python passes each option once. So the language is addressed by the stream's kind, the
    name by its index: the video is first, then all audio, then all captions.
    """
    tags: dict[str, str] = {}
    for number, code in enumerate(codes):
        named = language(code)
        for kind, place in (("a", 1 + number), ("s", 1 + len(codes) + number)):
            tags[f"metadata:s:{kind}:{number}"] = f"language={named.iso639_2}"
            tags[f"metadata:s:{place}"] = f"handler_name={named.own_name}"
    return tags


def _defaults(count: int) -> dict[str, str]:
    """Return the options that make the original the default sound, and no captions default.

    Without them ffmpeg turns the first caption stream of an MP4 on.
    """
    audio = {f"disposition:a:{n}": "default" if n == 0 else "0" for n in range(count)}
    return {**audio, **{f"disposition:s:{n}": "0" for n in range(count)}}
