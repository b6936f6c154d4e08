"""Finds the cuts between shots, by the key frames of a video.

    cuts = shot_cuts(Path("clip.mp4"))          # (4.2, 9.84): seconds

Encoders start a group of pictures early where the picture changes suddenly. So only key frames are
decoded, about one picture in a hundred. A key frame is a cut if it differs from the one before and
its group began earlier than groups usually do in this video. A video whose groups all have the same
length shows no cuts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import structlog

from dub_platform.core.errors import MediaToolError
from resources.media import ffmpeg

# ffmpeg's scene score, 0 to 1. Its manual suggests 0.3 for any two pictures; less is enough here,
# because the encoder has already marked the place, and the second of two close cuts scores lower.
UNLIKE = 0.1
# Share of the longest group. Not 1, because rounding to milliseconds makes equal groups differ.
EARLY = 0.95
# In pixels. Larger pictures give no better score.
WIDTH = 160
_KEY_FRAME = re.compile(r"pts_time:(-?[\d.]+)\s.*?lavfi\.scene_score=([\d.]+)", re.DOTALL)
_log = structlog.get_logger(__name__)


def shot_cuts(source: Path) -> tuple[float, ...]:
    """Return the cuts of the first video stream, in seconds from the video's start, ascending.

    Empty if its pictures cannot be decoded: the sound can still be dubbed.
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
    """Return the times of the key frames that are cuts; each key frame has a time and a scene
    score."""
    groups = [
        (at - before, at, unlike) for (before, _), (at, unlike) in itertools.pairwise(key_frames)
    ]
    longest = max((seconds for seconds, _, _ in groups), default=0.0)
    return tuple(
        at for seconds, at, unlike in groups if unlike > UNLIKE and seconds < EARLY * longest
    )
