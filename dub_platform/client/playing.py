"""Plays a sound with a program of this machine.

    play(client.take("dQw4w9WgXcQ", "es", 3), ".flac")

No player is installed for it: desktops have one of these programs, or ffmpeg's.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from dub_platform.client.errors import WrongUseError

# The first installed one is used; each of them ends with the sound.
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("afplay",),
    ("pw-play",),
    ("paplay",),
    ("play", "-q"),
)


def play(sound: bytes, suffix: str) -> None:
    """Play the sound to its end. Raises WrongUseError if no program here can."""
    player = next((each for each in PLAYERS if shutil.which(each[0])), None)
    if player is None:
        names = ", ".join(name for name, *_ in PLAYERS)
        raise WrongUseError(
            f"There is no program here that plays it ({names}): keep the sound with --to FILE."
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"line{suffix}"
        file.write_bytes(sound)
        try:
            subprocess.run([*player, str(file)], check=True, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise WrongUseError(
                f"{player[0]} could not play it ({error}): keep the sound with --to FILE."
            ) from error
