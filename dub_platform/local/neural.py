"""The demo with neural engines: which they are, and what it takes to hear them.

choose_engines()                 # for this process and all that it starts
describe_download()              # "To hear human voices: make demo-neural, which ..."
"""

from __future__ import annotations

import os
from pathlib import Path

from resources.models.catalogue import read_catalogue
from resources.models.choosing import choose_for

LANGUAGES = ("es", "pt")
ENGINES = {
    "DUB_TRANSCRIBER": "faster-whisper",
    "DUB_WHISPER_MODEL": "base",
    "DUB_TRANSLATOR": "bergamot",
    "DUB_VOICE": "kokoro",
}
# What the extra `local` adds to .venv, in bytes.
_PACKAGES_BYTES = 180_000_000


def choose_engines() -> None:
    """Set the variables of these engines, and a home of their own below that of the demo.

    In the other's home the sample is dubbed already, by the engines that need no model.
    """
    home = os.environ.get("DUB_HOME") or ".dub"
    os.environ.update(ENGINES, DUB_HOME=str(Path(home, "neural")))


def describe_download() -> str:
    """Return a sentence: how to hear a human voice, and how much that downloads."""
    chosen = choose_for(f"en:{','.join(LANGUAGES)}", read_catalogue()).entries
    size = _PACKAGES_BYTES + sum(entry.bytes for entry in chosen)
    return (
        "To hear human voices: make demo-neural, which downloads about "
        f"{size / 1e6:,.0f} MB of packages and models once."
    )
