"""The role: what of the source's sound is mixed with the dub.

    bed = separator.bed(Path("sound.flac"), into=folder)

An engine that cannot take the voice out leaves it there, for the mixer to duck. The promises are
in tests/contracts/test_separator.py; the next engine is tested by adding it there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Separator(Protocol):
    """Makes beds. `engine` is its name and version: the same engine makes the same bed."""

    engine: str
    removes_voice: bool

    def bed(self, sound: Path, *, into: Path) -> Path:
        """The sound (48 kHz stereo FLAC) without its voice, as long to the sample.

        Where the voice stays it is `sound` itself; else a new file in the folder `into`, which
        with the voice that is missing adds up to the sound. Raises EngineUnavailableError,
        EngineFailedError, MediaToolError, StorageFullError.
        """
        ...
