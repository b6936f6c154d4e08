"""The separator of every machine: it takes nothing out, and the mixer ducks the voice.

    DuckingSeparator().bed(sound, into=folder)      # the sound itself

Middle and sides are turned down apart (`resources/mixer/bed.py`), at the takes of one language:
there is nothing in it that could be made once for all of them.
"""

from __future__ import annotations

from pathlib import Path


class DuckingSeparator:
    """Leaves the original voice in the bed."""

    engine = "ducking"
    removes_voice = False

    def bed(self, sound: Path, *, into: Path) -> Path:  # noqa: ARG002 - nothing is made
        return sound
