"""Measuring what a listener gets: the released file decoded, and nothing our code says of it.

sound = decode(Path("track.m4a"))               # float64, shape (frames, 2), 48 kHz
found = locate(take, sound.mean(axis=1), near=1.3)
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from resources.media.ffmpeg import find_in_wheel

RATE = 48_000
# As long as a voice stops at a comma.
PAUSE_SECONDS = 0.14
Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Where a recording was found in a track, in seconds, and how sure (1 is identical)."""

    start: float
    likeness: float


def decode(path: Path, *, stream: str = "0:a:0") -> Sound:
    """Decode one audio stream of a file as a player hears it: 48 kHz stereo."""
    command = [str(find_in_wheel()), "-v", "error", "-nostdin", "-i", str(path), "-map", stream]
    raw = subprocess.run(
        [*command, "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, 2).astype(np.float64)


def locate(recording: Sound, track: Sound, *, near: float, within: float = 1.0) -> Found:
    """Find where a mono recording lies in a mono track, looked for around `near` seconds."""
    from scipy.signal import correlate

    first = max(0, round((near - within) * RATE))
    window = track[first : round((near + within) * RATE) + len(recording)]
    match = correlate(window, recording, mode="valid")
    passed = np.concatenate([[0.0], np.cumsum(np.square(window))])
    energy = passed[len(recording) :] - passed[: -len(recording)]
    likeness = match / np.sqrt(np.maximum(energy, 1e-9) * np.square(recording).sum())
    best = int(np.argmax(likeness))
    return Found((first + best) / RATE, float(likeness[best]))


@dataclass(frozen=True)
class Phrase:
    """What a recording says without a pause, and where it was found in a track."""

    sound: Sound
    found: Found

    @property
    def end(self) -> float:
        return self.found.start + len(self.sound) / RATE


def find_phrases(take: Sound, track: Sound, *, near: float) -> tuple[Phrase, ...]:
    """A take in a track, phrase by phrase, as a dub may be silent for longer between two."""
    loud = np.flatnonzero(np.abs(take) > 0.01 * np.abs(take).max())
    gaps = np.flatnonzero(np.diff(loud) > PAUSE_SECONDS * RATE)
    firsts, lasts = [0, *loud[gaps + 1]], [*(loud[gaps] + 1), len(take)]
    heard: list[Phrase] = []
    for first, last in zip(firsts, lasts, strict=True):
        expected = heard[-1].end if heard else near
        heard.append(Phrase(take[first:last], locate(take[first:last], track, near=expected)))
    return tuple(heard)


def spoken_takes(store: Path, video_id: str, language: str) -> tuple[Sound, ...]:
    """Return the voice's recordings in a local store, trimmed to what is spoken, at the tracks'
    rate."""
    artifact = store / "videos" / video_id / "dubs" / language / "speech.json"
    takes = []
    for take in json.loads(artifact.read_text())["takes"]:
        sound, rate = soundfile.read(store / take["audio_key"])
        first, last = (round(take[name] * rate) for name in ("speech_start", "speech_end"))
        takes.append(at_48_khz(sound[first:last], rate))
    return tuple(takes)


def at_48_khz(sound: Sound, rate: int) -> Sound:
    """The sound resampled to the rate of the tracks."""
    from scipy.signal import resample_poly

    common = np.gcd(RATE, rate)
    resampled: Sound = resample_poly(sound, RATE // common, rate // common)
    return resampled


def level_db(sound: Sound) -> float:
    """The mean level in dB below full scale."""
    return float(10 * np.log10(np.mean(np.square(sound)) + 1e-12))


def tone_level_db(sound: Sound, hertz: float) -> float:
    """The level of what lies within 20 Hz of a frequency."""
    from scipy.signal import butter, sosfiltfilt

    band = butter(2, [hertz - 20, hertz + 20], "bandpass", fs=RATE, output="sos")
    return level_db(sosfiltfilt(band, sound))


def share_db(part: Sound, whole: Sound) -> float:
    """How loud `part` is inside `whole`, against all of it, when it is there unchanged but for
    its gain and a few milliseconds: the least-squares gain at the best of these delays."""
    delays = range(-96, 97, 4)
    gains = [abs(np.dot(np.roll(part, d), whole)) / np.square(part).sum() for d in delays]
    return level_db(part * max(gains)) - level_db(whole)


def ebur128(path: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP, as ffmpeg measures them."""
    said = subprocess.run(
        [
            find_in_wheel(),
            "-nostdin",
            "-i",
            str(path),
            "-af",
            "ebur128=peak=true",
            "-f",
            "null",
            "-",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stderr.rpartition("Summary:")[2]
    lufs, peak = re.search(r"I:\s+(\S+) LUFS", said), re.search(r"Peak:\s+(\S+) dBFS", said)
    assert lufs
    assert peak
    return float(lufs[1]), float(peak[1])
