"""The mixing plan: how loud the bed is at every moment, as numbers and without a sound.

    envelope = duck(spans, depth_db=-24.0)
    gains = envelope.at(first_frame, frames)          # float32, shape (frames,)

The original voice sits in the middle of a stereo picture (the same in both channels) and music
around it, so the middle is ducked deep and the sides stay, where the sides hold no voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dub_platform.core.loudness import SILENCE_LUFS, TARGET_LUFS
from dub_platform.core.speech import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 48_000
ATTACK_SECONDS = 0.08
RELEASE_SECONDS = 0.25
# Deep enough that the original voice cannot be followed under the dub, and the bed still heard:
# what is left of it is over 24 dB below the dub, as it is heard in the released track.
VOICE_DEPTH_DB = -26.0
SIDES_DEPTH_DB = -3.0
# Consonants begin before and ring after what a speech finder calls speech.
BEFORE_SECONDS = 0.10
AFTER_SECONDS = 0.20
# Speech is followed without effort when it is this far over what sounds beside it.
VOICE_OVER_BED_LU = 10.0
# Sides louder than this during speech, against without, hold the voice too: they are ducked.
SIDES_BLEED_DB = 3.0


@dataclass(frozen=True)
class Ducking:
    """How the original voice makes room: by so many dB, falling before it and rising after it."""

    depth_db: float = -VOICE_DEPTH_DB
    attack_seconds: float = ATTACK_SECONDS
    release_seconds: float = RELEASE_SECONDS


@dataclass(frozen=True)
class Envelope:
    """A gain over time: straight lines in dB between the points `times` (seconds).

    It is 0 dB before the first and after the last.
    """

    times: tuple[float, ...]
    decibels: tuple[float, ...]

    def at(self, first_frame: int, frames: int) -> NDArray[np.float32]:
        """Return linear gains from `first_frame` on at 48 kHz: float32, shape (frames,)."""
        gains = np.ones(frames, dtype=np.float32)
        starts = np.ceil(np.array(self.times) * RATE).astype(np.int64) - first_frame
        # Most of a track lies on level lines: only where the gain moves each frame has its own.
        for number in np.flatnonzero((starts[1:] > 0) & (starts[:-1] < frames)):
            begin, end = max(0, starts[number]), min(frames, starts[number + 1])
            level, then = self.decibels[number : number + 2]
            if level != then:
                seconds = (first_frame + np.arange(begin, end)) / RATE
                gains[begin:end] = linear(self.decibels_at(seconds))
            elif level != 0.0:
                gains[begin:end] = linear(level)
        return gains

    def decibels_at(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gain in dB at each of these moments: same shape as `seconds`."""
        if not self.times:
            return np.zeros(len(seconds))
        return np.interp(seconds, self.times, self.decibels)


def linear(decibels: Any) -> Any:
    """Return the gain that so many dB are, of one number or of each in an array."""
    return 10.0 ** (decibels / 20.0)


def duck(
    spans: Sequence[Span],
    *,
    depth_db: float,
    attack: float = ATTACK_SECONDS,
    release: float = RELEASE_SECONDS,
) -> Envelope:
    """Return the gain that goes to `depth_db` in every span and back to 0 dB outside.

    It falls for `attack` seconds before a span and rises for `release` seconds after it.
    """
    times: list[float] = []
    decibels: list[float] = []
    for span in merge_spans(spans, within=attack + release):
        times += [span.start - attack, span.start, span.end, span.end + release]
        decibels += [0.0, depth_db, depth_db, 0.0]
    return Envelope(tuple(times), tuple(decibels))


def widen_speech(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Widen spans of found speech by the consonants at their borders."""
    return tuple(Span(span.start - BEFORE_SECONDS, span.end + AFTER_SECONDS) for span in spans)


def merge_spans(spans: Sequence[Span], *, within: float) -> tuple[Span, ...]:
    """Return the spans in order, those closer than `within` seconds joined."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if joined and span.start - joined[-1].end <= within:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def sides_depth_db(
    side_in_speech: float, side_elsewhere: float, depth_db: float = VOICE_DEPTH_DB
) -> float:
    """Return how far to duck the sides in dB, from their mean square with and without speech.

    `depth_db` is how far the voice is ducked, which the sides never exceed. A voice recorded in one
    channel is in the sides too: then they are louder while it speaks. Where there is no moment
    without speech to compare with, the voice is assumed to be there.
    """
    if side_elsewhere <= 0.0:
        return depth_db
    bleed_db = 10.0 * float(np.log10(max(side_in_speech, 1e-12) / side_elsewhere))
    return max(SIDES_DEPTH_DB, depth_db) if bleed_db <= SIDES_BLEED_DB else depth_db


def voice_lufs(original: float, left: float) -> float:
    """Return how loud the dub is to be in LUFS, from the loudness of the original voice and of the
    ducked bed.

    It is as loud as what it replaces, but well over what is left of the bed: a whisper over music
    that cannot be ducked would be lost. Where nothing sounds, it is as loud as the track.
    """
    wanted = max(original, left + VOICE_OVER_BED_LU if left > SILENCE_LUFS else SILENCE_LUFS)
    return wanted if wanted > SILENCE_LUFS else TARGET_LUFS
