"""The film: one MP4 with the source's pictures and sound, and every dubbed language.

    voiced = [Voiced("en", captions), Voiced("es", captions_es, track_es)]
    mux(media, Path("source.mp4"), voiced, into=Path("film.mp4"))

Every audio and caption stream carries its language, so a player offers them by name. Nothing
is encoded again that an MP4 can carry and a browser can play.
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
# Of H.264, browsers play eight bits and half the colours; of the rest they show black, or nothing.
# Of what was prepared by an older release it is not known.
_PLAYABLE_H264 = frozenset({"yuv420p", "yuvj420p", None})
# Codecs fill their first and last packets, and streams end a little apart.
SLACK_SECONDS = 1.0
_PLAYABLE_AUDIO = frozenset({"aac", "mp3", "mp3float"})


@dataclass(frozen=True)
class Voiced:
    """One language of the film: its sound (for the original, the source's own) and captions."""

    language: str
    captions: Path
    track: Path | None = None


def mux(media: SourceMedia, source: Path, voiced: Sequence[Voiced], *, into: Path) -> None:
    """Write the film. `voiced` starts with the original. Raises MediaToolError."""
    number = media.audio_stream
    sound = ffmpeg.untrusted(source)[f"a:{number}"]
    if _is_sound(media, source):
        ffmpeg.run(_film(media, source, voiced, sound, "copy", into))
        return
    steady = into.with_name("steady.mkv")
    if ffmpeg.changes(source, number):
        sound = ffmpeg.open_steady(source, number, pictures=True, into=steady)
    ffmpeg.run(_film(media, source, voiced, _within(sound, media.seconds), "aac", into))
    steady.unlink(missing_ok=True)


def _film(
    media: SourceMedia,
    source: Path,
    voiced: Sequence[Voiced],
    sound: Any,
    codec: str,
    into: Path,
) -> Any:
    """A graph that writes the film with this `sound` as the original's, which `codec` encodes."""
    pictures, is_playable = ffmpeg.untrusted(source)["v:0"], _is_playable(media)
    streams = [pictures if is_playable else _even(pictures)]
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
    """Return if the film is as long as its video, by its packets. Raises MediaToolError."""
    measured = probe(film, max_seconds=math.inf).seconds
    if abs(measured - seconds) > SLACK_SECONDS:
        raise MediaToolError(
            f"The film would last {measured:.1f} s and the video {seconds:.1f} s, so it was not "
            "published. Play the file through a program for videos and hand in what that saves."
        )


def _is_playable(media: SourceMedia) -> bool:
    """Whether browsers play the source's pictures as they are."""
    if media.video_codec == "h264":
        return media.pixel_format in _PLAYABLE_H264
    return media.video_codec in _PLAYABLE_VIDEO


def _is_sound(media: SourceMedia, source: Path) -> bool:
    """Whether browsers play the source's sound as it is, and it ends when its packets say."""
    if media.audio_codec not in _PLAYABLE_AUDIO:
        return False
    return not ffmpeg.outlasts(source, media.audio_stream, media.seconds + SLACK_SECONDS)


def _within(sound: Any, seconds: float) -> Any:
    """The sound at the times that its packets say, as in the dub, and none after the video's end.

    A file can hold hours whose packets are all at the same time.
    """
    placed = sound.filter("aresample", **{"async": 1, "first_pts": 0})
    return placed.filter("atrim", end=seconds)


def _even(pictures: Any) -> Any:
    """The pictures, a pixel wider or higher where the encoder could not halve their colours."""
    return pictures.filter("scale", w="ceil(iw/2)*2", h="ceil(ih/2)*2")


def _tags(codes: Sequence[str]) -> dict[str, str]:
    """The language and the name of every audio and caption stream.

    ffmpeg-python passes an option once, so a stream's language is addressed by its kind and its
    name by its place: the pictures come first, then all audio, then all captions.
    """
    tags: dict[str, str] = {}
    for number, code in enumerate(codes):
        named = language(code)
        for kind, place in (("a", 1 + number), ("s", 1 + len(codes) + number)):
            tags[f"metadata:s:{kind}:{number}"] = f"language={named.iso639_2}"
            tags[f"metadata:s:{place}"] = f"handler_name={named.own_name}"
    return tags


def _defaults(count: int) -> dict[str, str]:
    """The original plays unless another is chosen.

    So do its captions: ffmpeg turns the first caption track of an MP4 on when none is.
    """
    audio = {f"disposition:a:{n}": "default" if n == 0 else "0" for n in range(count)}
    return {**audio, **{f"disposition:s:{n}": "0" for n in range(count)}}
