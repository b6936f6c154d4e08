"""The separator port: makes the bed, the part of the source's sound that is mixed with the dub.

    bed = separator.bed(Path("sound.flac"), into=folder)

An engine that cannot remove the voice leaves it for the mixer to duck. The promises are tests in
`dub_platform/contracts/separators.py`; an engine of ours is held to them by adding it to
`tests/contracts/test_separator.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Separator(Protocol):
    """Makes beds. `engine` is its name and version: the same engine makes the same bed."""

    engine: str
    removes_voice: bool

    def bed(self, sound: Path, *, into: Path) -> Path:
        """Return the sound (48 kHz stereo FLAC) without its voice, with exactly the same length.

        If the voice stays, it is `sound` itself; otherwise a new file in the folder `into`. Bed and
        removed voice add up to the sound. Raises EngineUnavailableError, EngineFailedError,
        MediaToolError, StorageFullError.
        """
        ...
