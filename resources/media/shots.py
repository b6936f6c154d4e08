"""Where one shot ends and the next begins, as far as the key frames of a video tell.

    cuts = shot_cuts(Path("clip.mp4"))          # (4.2, 9.84): seconds

An encoder begins a group of pictures early where the picture changes all at once. So only key
frames are looked at, one picture of a hundred or so: one that is unlike the key frame before it,
and came sooner after that than groups do in this video, is a cut. A video whose groups are all of
one length shows none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import structlog

from dub_platform.core.errors import MediaToolError
from resources.media import ffmpeg

# Of ffmpeg's `scene`, 0 to 1, which is lower for the second of two cuts in a row. Its manual has
# 0.3 for a cut between any two pictures; here the encoder has said already that it may be one.
UNLIKE = 0.1
# Of the longest group: a clock that counts in milliseconds makes equal ones differ.
EARLY = 0.95
# Pictures this wide are as unlike as larger ones.
WIDTH = 160
_KEY_FRAME = re.compile(r"pts_time:(-?[\d.]+)\s.*?lavfi\.scene_score=([\d.]+)", re.DOTALL)
_log = structlog.get_logger(__name__)


def shot_cuts(source: Path) -> tuple[float, ...]:
    """The cuts in the file's first video stream, in seconds from the video's start, ascending.

    A video whose pictures cannot be decoded has none: its sound is what is dubbed.
    """
    pictures = (
        ffmpeg.untrusted(source, skip_frame="nokey")["v:0"]
        .filter("scale", w=WIDTH, h=-2)
        .filter("select", expr="gte(scene,0)")
        .filter("metadata", mode="print")
        .output("-", format="null")
    )
    try:
        said = ffmpeg.run(pictures)
    except MediaToolError as error:
        _log.warning("shots are not looked for", why=error.sentence)
        return ()
    return _cuts([(float(at), float(unlike)) for at, unlike in _KEY_FRAME.findall(said)])


def _cuts(key_frames: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """Of key frames, each with its time and how unlike the one before it is."""
    groups = [
        (at - before, at, unlike) for (before, _), (at, unlike) in itertools.pairwise(key_frames)
    ]
    longest = max((seconds for seconds, _, _ in groups), default=0.0)
    return tuple(
        at for seconds, at, unlike in groups if unlike > UNLIKE and seconds < EARLY * longest
    )
