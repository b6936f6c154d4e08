"""Real speech, from a package that carries it, with the words that are said in it.

    recording = bring_telephone()
    recording.path, recording.said

Two women on a telephone, 30 s: short turns over one another, as hard to hear as a video's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support import weights


@dataclass(frozen=True)
class Recording:
    """16 kHz mono 16-bit WAV, and its words as they were written down by hand."""

    path: Path
    seconds: float
    said: str


def bring_telephone() -> Recording:
    """The sample of pyannote.audio. Raises AssertionError where it cannot be had."""
    path = weights.unpack("pyannote.audio", "pyannote/audio/sample/sample.wav")
    return Recording(
        path,
        30.0,
        "Hello? Hello? Oh, hello. I didn't know you were there. Neither did I. Okay. I thought, "
        "you know, I heard a beep. This is Diane in New Jersey. And I'm Sheila in Texas, "
        "originally from Chicago. Oh, I'm originally from Chicago also. I'm in New Jersey now, "
        "though. Well, there isn't that much difference. At least, you know, they all call me a "
        "Yankee down here, so what can I say? Oh, I don't hear that in New Jersey now.",
    )
