"""The facts of a media file, read before anything else is done with it.

    facts = probe(Path("clip.mp4"), max_seconds=3600)

`probe_process.py` reads the bytes, in a process with limits of memory and time, so the API can
check a file as soon as it has arrived.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dub_platform.core.errors import (
    MediaOverLimitError,
    NoAudioError,
    NotAVideoError,
    TruncatedMediaError,
    VideoTooLongError,
)
from dub_platform.core.languages import tags_of
from resources.media.demuxers import DEMUXERS
from resources.media.limits import DECODERS, MOST_FRAMES_PER_SECOND, MOST_PIXELS
from resources.system.programs import helper, tie_to_parent

# CPU time has a limit of its own; this is for a disk that hangs.
DEADLINE_SECONDS = 1800
_PROCESS = Path(__file__).with_name("probe_process.py")


@dataclass(frozen=True)
class MediaFacts:
    """`seconds` is the end of the last packet. `video_codec` is None for a file without video."""

    bytes: int
    seconds: float
    container: str
    video_codec: str | None
    audio_codec: str
    width: int
    height: int
    pixel_format: str | None = None
    audio_stream: int = 0


def probe(
    path: Path, *, max_seconds: float, sound_alone: bool = False, language: str | None = None
) -> MediaFacts:
    """Return the facts of a video file; with `sound_alone`, a file without video is allowed.

    Of several audio streams, the one in `language` is chosen, else the one that players choose.
    Raises NotAVideoError, NoAudioError, TruncatedMediaError, VideoTooLongError,
    MediaOverLimitError.
    """
    found = _read(path, tags_of(language) if language else ())
    if "error" in found or (found["video"] is None and found["audio"] is None):
        raise NotAVideoError(
            "This file is not a video that can be opened: it is of another kind, damaged, or its "
            "end is missing. Hand in an MP4, MOV, MKV, WebM, AVI or MPEG file that plays.",
            detail=found.get("error"),
        )
    _refuse_bombs(found)
    _refuse_unfit(found, max_seconds, sound_alone)
    pictures = found["video"] or {"codec": None, "width": 0, "height": 0, "pixels": None}
    return MediaFacts(
        bytes=path.stat().st_size,
        seconds=found["seconds"],
        container=found["container"],
        video_codec=pictures["codec"],
        audio_codec=found["audio"]["codec"],
        width=pictures["width"],
        height=pictures["height"],
        pixel_format=pictures["pixels"],
        audio_stream=found["audio"]["stream"],
    )


def _read(path: Path, tags: Collection[str]) -> dict[str, Any]:
    lists = (",".join(each) for each in (DEMUXERS, DECODERS, sorted(tags)))
    command = tie_to_parent(helper(_PROCESS, str(path), *lists))
    try:
        done = subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS, check=False)
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"error": f"reading it took more than {DEADLINE_SECONDS} s"}
    except json.JSONDecodeError:
        # A limit has killed the process before it could answer.
        return {"error": f"reading it ended with status {done.returncode}"}
    return answer


def _refuse_bombs(found: dict[str, Any]) -> None:
    for stream in filter(None, (found["video"], found["audio"])):
        if stream["codec"] not in DECODERS:
            raise NotAVideoError(
                f"This file is coded as {stream['codec']}, which is not taken here. Hand in a "
                "video as H.264, VP9 or AV1, with its sound as AAC, Opus or FLAC."
            )
    pictures = found["video"]
    if pictures and pictures["width"] * pictures["height"] > MOST_PIXELS:
        raise MediaOverLimitError(
            f"This video's pictures are {pictures['width']} x {pictures['height']} pixels large, "
            "which is more than 8K. Hand in a smaller version."
        )
    if pictures and pictures["rate"] > MOST_FRAMES_PER_SECOND:
        raise MediaOverLimitError(
            f"This video has {pictures['rate']:.0f} pictures a second, and at most "
            f"{MOST_FRAMES_PER_SECOND} are taken here. Hand in a slower version."
        )


def _refuse_unfit(found: dict[str, Any], max_seconds: float, sound_alone: bool) -> None:
    if found["video"] is None and not sound_alone:
        raise NotAVideoError(
            "This file has sound but no pictures. Hand in the video that the sound belongs to."
        )
    if found["audio"] is None:
        raise NoAudioError(
            "This video has no audio stream, so there is nothing in it to dub. "
            "Hand in a version with sound."
        )
    if found["restart"] is not None:
        raise TruncatedMediaError(
            f"The clock of this video starts again after {found['restart']:.0f} s: it is several "
            "recordings, one put behind the other. Join them with a program for videos, as "
            "`ffmpeg -f concat` does, or hand each in by itself."
        )
    declared, seconds = found["declared_seconds"], found["seconds"]
    # Containers round their duration and streams end at different times: 1 s or 3 % is normal.
    if seconds < declared - max(1.0, 0.03 * declared):
        raise TruncatedMediaError(
            f"This video says that it is {declared:.0f} s long, but it ends after {seconds:.0f} s: "
            "the file was cut off on its way. Hand it in again."
        )
    if seconds > max_seconds:
        raise VideoTooLongError(
            f"This video is {seconds:.0f} s long, and at most {max_seconds:.0f} s are taken here. "
            "Hand in a shorter one, or ask the operator to raise MAX_VIDEO_LENGTH."
        )


@dataclass(frozen=True)
class Prober:
    """Probes files with the maximum length of this deployment."""

    max_seconds: float

    def __call__(
        self, path: Path, *, sound_alone: bool = False, language: str | None = None
    ) -> MediaFacts:
        """Return the facts of a video file. Raises the errors of `probe`."""
        return probe(path, max_seconds=self.max_seconds, sound_alone=sound_alone, language=language)
