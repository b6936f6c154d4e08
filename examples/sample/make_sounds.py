"""Makes the clips that README lets its readers hear: the sample, and two dubs of it.

    python examples/sample/make_sounds.py        # or: make sounds

It starts platforms of its own in folders that are thrown away, hands the sample in over HTTP, and
shows the beginning of the sample with the sound that was handed in and with the tracks that came
back: in Spanish by the engines that the platform has by itself, and in Portuguese by those of `make
demo-neural`, whose models must be there.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

import ffmpeg

from dub_platform.client import DubClient
from dub_platform.local.demo import SAMPLE
from dub_platform.local.neural import ENGINES
from dub_platform.local.stack import CHECKOUT, Stack
from dub_platform.settings import Settings
from resources.media.ffmpeg import find_in_wheel

TARGET = CHECKOUT / "docs" / "listen"
# Three sentences and the pause after them.
SECONDS = 14.5


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    show_with(SAMPLE, TARGET / "before.mp4")
    dub("es", {}, TARGET / "after.mp4")
    dub("pt", ENGINES, TARGET / "after-neural.mp4")


def dub(language: str, engines: Mapping[str, str], target: Path) -> None:
    """Dub the sample with these engines, on a platform of its own."""
    os.environ.update(engines)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        track = folder / "track.m4a"
        port, dagster_port = free_ports()
        settings = Settings(home=folder, PORT=port, DAGSTER_PORT=dagster_port)
        with Stack(settings).running(), DubClient(settings.base_url) as client:
            video = client.add(str(SAMPLE), [language])
            client.wait(video["id"])
            track.write_bytes(client.file(client.dub(video["id"], language)["track_url"]))
        show_with(track, target)


def free_ports() -> tuple[int, int]:
    """Two ports that nothing listens on."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def show_with(sound: Path, target: Path) -> None:
    """The beginning of the sample's pictures, small, with this sound."""
    film = ffmpeg.output(
        ffmpeg.input(str(SAMPLE)).video.filter("scale", 320, -2),
        ffmpeg.input(str(sound)).audio,
        str(target),
        t=SECONDS,
        vcodec="libx264",
        preset="veryslow",
        crf=39,
        pix_fmt="yuv420p",
        acodec="aac",
        audio_bitrate="40k",
        movflags="+faststart",
    )
    film.run(cmd=str(find_in_wheel()), overwrite_output=True, quiet=True)


if __name__ == "__main__":
    main()
