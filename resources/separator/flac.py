"""Writes a sound part by part, as 48 kHz stereo FLAC.

write(parts, Path("bed.flac"))
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.mixing import RATE
from resources.system.disk import translating_full_disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The level of the source's own sound; higher ones take time and save little.
_OPTIONS = {"compression_level": "2"}


def write(parts: Iterable[NDArray[np.float32]], path: Path) -> None:
    """Write parts of any length, each (frames, 2), with 16 bits. Raises StorageFullError."""
    import av

    # PyAV and not libsndfile, which does not report a full disk.
    with translating_full_disk(path.name), av.open(str(path), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=RATE, layout="stereo", options=_OPTIONS)
        stream.format = "s16"
        first = 0
        for part in parts:
            frame = av.AudioFrame.from_ndarray(_as_integers(part), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
            first += len(part)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _as_integers(part: NDArray[np.float32]) -> NDArray[np.int16]:
    """Convert to interleaved integers, (1, 2 * frames), clipped at full scale."""
    steps = np.rint(part * np.float32(32_768.0)).clip(-32_768, 32_767)
    integers: NDArray[np.int16] = steps.astype(np.int16).reshape(1, -1)
    return integers
