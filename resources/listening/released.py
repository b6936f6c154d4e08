"""Decodes a released file as a player does: once, to disk; then any part can be read.

    released = decode_release(Path("track.m4a"), into=folder)
    sound = window(released.sound, first, frames)       # float32, (2, frames)

Nothing is filled or cut, so its length is the decoded one, which a header may state wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from dub_platform.core.mixing import RATE
from resources.media import ffmpeg
from resources.media.sound import FLAC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Released:
    """The decoded sound, 48 kHz stereo FLAC, `frames` long."""

    sound: Path
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / RATE


def decode_release(path: Path, *, into: Path, stream: int = 0) -> Released:
    """Decode the audio stream with this number. Raises MediaToolError."""
    sound = into / "released.flac"
    heard = (
        ffmpeg.open_audio(path, stream)
        .filter("aresample", sample_rate=RATE, rematrix_maxval=1)
        .filter("aformat", channel_layouts="stereo")
        .output(str(sound), **FLAC, compression_level=0)
    )
    ffmpeg.run(heard)
    return Released(sound, soundfile.info(sound).frames)


def window(path: Path, first: int, frames: int) -> Sound:
    """Read left and right from frame `first` on: float32, (2, frames); silence outside of the
    file."""
    sound = np.zeros((frames, 2), np.float32)
    with soundfile.SoundFile(path) as file:
        begin, end = max(0, first), min(first + frames, file.frames)
        if begin < end:
            file.seek(begin)
            file.read(end - begin, out=sound[begin - first : end - first])
    return np.asarray(sound.T)
