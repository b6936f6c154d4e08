"""The mixer port: makes one track of the bed and the takes.

    mixed = mixer.mix(bed, takes, timeline, speech, into=folder)

The promises are tested in tests/contracts/test_mixer.py, on the encoded track.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import Timeline
from resources.media.ffmpeg import Loudness


@dataclass(frozen=True)
class Mixed:
    """The encoded track (M4A, AAC, 48 kHz stereo) and its measured loudness."""

    path: Path
    loudness: Loudness


class Mixer(Protocol):
    """Makes tracks."""

    def mix(
        self,
        bed: Path,
        takes: Sequence[tuple[Take, Path]],
        timeline: Timeline,
        speech: Sequence[Span],
        *,
        into: Path,
    ) -> Mixed:
        """Mix `bed` (48 kHz stereo), ducked during `speech` and every take, with the takes.

        `takes` are those of the timeline, each with its recording. The track is as long as the
        timeline, or longer if the last take runs past its end. Raises MediaToolError,
        StorageFullError.
        """
        ...
