"""Remembers which version of a dub's lines the user has seen, from `dub lines` to `dub edit`.

    seen = Seen.of(client.url, "dQw4w9WgXcQ", "es")
    seen.note({3: "4f2a1c"})
    seen.tags                       # {3: "4f2a1c"}

Only tags are stored, no text of any line.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Seen:
    """The tags of one dub's lines, in a file of this user."""

    path: Path

    @classmethod
    def of(cls, url: str, video_id: str, language: str) -> Seen:
        """Return the tags seen of this dub on this platform."""
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        name = hashlib.sha256(json.dumps([url, video_id, language]).encode()).hexdigest()[:32]
        return cls(Path(state) / "dub" / "seen" / f"{name}.json")

    @property
    def tags(self) -> Mapping[int, str]:
        """The tags by line number; empty if no lines were seen yet."""
        try:
            found = json.loads(self.path.read_text())
            return {int(number): str(tag) for number, tag in found.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def note(self, tags: Mapping[int, str]) -> None:
        """Add these tags. If they cannot be stored, the option `--if` does the same."""
        text = json.dumps({**self.tags, **tags})
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Written to another file and renamed, because two commands may run at once.
            handle, name = tempfile.mkstemp(dir=self.path.parent)
            with os.fdopen(handle, "w") as file:
                file.write(text)
            Path(name).replace(self.path)
