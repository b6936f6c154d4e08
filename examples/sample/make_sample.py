"""The recipe of `harbor.mp4`, the clip that `make demo` hands in.

    apt-get install flite && python examples/sample/make_sample.py

Six English sentences by flite's synthetic voice `awb`, with pauses between them, in the middle
of a stereo picture; a soft music bed at its sides; a sunset over moving water. There are no
captions in it: the platform listens to it. Everything is made here, so the clip is free of
anyone's rights.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import soundfile

from resources.media.ffmpeg import find_in_wheel

RATE = 48_000
SECONDS = 30.0
SENTENCES = (
    (0.8, "Good morning, and welcome to our little town by the sea."),
    (5.6, "The small boats leave this town before the sun comes up."),
    (10.6, "The water is cold, but the people like to swim."),
    (15.0, "My father was a fisherman, and he showed me how to read the wind."),
    (20.6, "The children play on the beach until it is dark."),
    (25.8, "We will wait for you here tomorrow morning."),
)
CHORDS = (
    (220.0, 261.6, 329.6),
    (174.6, 220.0, 261.6),
    (196.0, 246.9, 293.7),
    (164.8, 207.7, 246.9),
)
CHORD_SECONDS = 3.75


def spoken(text: str, folder: Path) -> np.ndarray:
    wav = folder / "line.wav"
    subprocess.run(["flite", "-voice", "awb", "-t", text, "-o", str(wav)], check=True)
    sound, rate = soundfile.read(wav, dtype="float64")
    times = np.arange(int(len(sound) / rate * RATE)) / RATE
    return 0.35 * np.interp(times, np.arange(len(sound)) / rate, sound) / np.abs(sound).max()


def music() -> np.ndarray:
    """Plucked chords, the same notes a little apart in both channels: shape (frames, 2)."""
    times = np.arange(int(SECONDS * RATE)) / RATE
    stereo = np.zeros((len(times), 2))
    for beat in range(int(SECONDS / CHORD_SECONDS * 6)):
        at = beat * CHORD_SECONDS / 6
        note = CHORDS[int(at / CHORD_SECONDS) % len(CHORDS)][(0, 1, 2, 1, 2, 1)[beat % 6]]
        since = times - at
        pluck = np.where(since >= 0, np.exp(-1.6 * since) * np.minimum(1, since / 0.01), 0.0)
        for channel, (phase, share) in enumerate(((0.0, 1.0), (np.pi, 0.9))):
            tone = np.sin(2 * np.pi * note * since + phase)
            tone += 0.4 * np.sin(4 * np.pi * note * since + 2 * phase * beat)
            stereo[:, channel] += 0.015 * share * pluck * tone
    fade = np.minimum(1, np.minimum(times / 0.5, (SECONDS - times) / 1.5))
    return stereo * fade[:, np.newaxis]


def pictures() -> Any:
    """A sky that changes colour, a sun that sinks, and water that moves, 640 x 360."""
    sky = ffmpeg.input(
        f"gradients=s=640x360:r=12:d={SECONDS}:c0=0xf7b267:c1=0x6d597a:speed=0.004:seed=3",
        format="lavfi",
    )
    water = ffmpeg.input(
        f"gradients=s=640x130:r=12:d={SECONDS}:c0=0x1d3557:c1=0x457b9d:speed=0.02:seed=3",
        format="lavfi",
    )
    sun = painted("0xffe066", "70x70", (255, 224, 110), "255*lte(hypot(X-35,Y-35),34)")
    hull, mast, sail = (
        "gt(Y,40)*gt(X,Y-40)*lt(X,130-Y)",
        "between(X,43,46)",
        "lt(Y,38)*gt(X,47)*lt(X,47+Y)",
    )
    boat = painted("0x2b2d42", "90x60", (43, 45, 66), f"255*gt({hull}+{mast}+{sail},0)")
    scene = sky.overlay(sun, x="430", y=f"60+150*t/{SECONDS}")
    scene = scene.overlay(water, x=0, y="230+4*sin(t*1.3)")
    return scene.overlay(boat, x=f"-90+720*t/{SECONDS}", y="196+5*sin(t*1.7)")


def painted(color: str, size: str, rgb: tuple[int, int, int], alpha: str) -> Any:
    """A shape of one colour on nothing; `alpha` is ffmpeg's expression for where it is."""
    red, green, blue = rgb
    plate = ffmpeg.input(f"color={color}:s={size}:r=12:d={SECONDS}", format="lavfi")
    return plate.filter("format", "rgba").filter("geq", r=red, g=green, b=blue, a=alpha)


def main() -> None:
    target = Path(__file__).with_name("harbor.mp4")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = music()
        for start, text in SENTENCES:
            line = spoken(text, folder)
            first = int(start * RATE)
            sound[first : first + len(line)] += line[:, np.newaxis]
        wav = folder / "sound.wav"
        soundfile.write(wav, sound, RATE)
        film = ffmpeg.output(
            pictures(),
            ffmpeg.input(str(wav)).audio,
            str(target),
            vcodec="libx264",
            crf=32,
            preset="veryslow",
            pix_fmt="yuv420p",
            acodec="aac",
            audio_bitrate="96k",
            movflags="+faststart",
            t=SECONDS,
        )
        film.run(cmd=str(find_in_wheel()), quiet=True, overwrite_output=True)
    print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
