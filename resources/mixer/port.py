"""The role: bed and takes made one track.

    mixed = mixer.mix(bed, takes, timeline, speech, into=folder)

The promises are in tests/contracts/test_mixer.py, measured on what was encoded.
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
    """The encoded track (M4A, AAC, 48 kHz stereo) and what was measured on it."""

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
        """The track: `bed` (48 kHz stereo) ducked at `speech` and at every take, with the takes.

        `takes` are the timeline's, each with its recording. The track lasts as long as the
        timeline, or as its last take where that runs past the end. Raises MediaToolError,
        StorageFullError.
        """
        ...
