"""The separator for every machine: it removes nothing, and the mixer ducks the voice.

    DuckingSeparator().bed(sound, into=folder)      # the sound itself

The mixer ducks middle and sides separately (`resources/mixer/bed.py`), at the takes of one
language, so nothing can be made once for all languages.
"""

from __future__ import annotations

from pathlib import Path


class DuckingSeparator:
    """Leaves the original voice in the bed."""

    engine = "ducking"
    removes_voice = False

    def bed(self, sound: Path, *, into: Path) -> Path:  # noqa: ARG002 - nothing is made
        return sound
