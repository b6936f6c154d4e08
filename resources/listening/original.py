"""The source in the released sound: how late it is, and how much of its voice is left.

    late = start_frames(released.sound, source, timeline)
    left = left_of(located, original_at(located, source, late))     # of one line
    decibels = left_db([left, ...])

Both compare mid channels, where voices are:

- the delay is where the correlation of released and source sound is highest, over stretches in
  which nobody speaks; of nearly equal peaks, as a tone has, the one nearest to 0;
- what is left is the gain of the source in the sound beside the takes while both speak, by
  projection,  g = sum <x - v, s> / sum <s, s>,  as the level of g s below the takes v.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.mixing import RATE, merge_spans, widen_speech
from dub_platform.core.speech import Span
from dub_platform.core.timeline import Timeline
from resources.listening.lines import Located, nearest_peak
from resources.listening.released import window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# Encoders that do not compensate for their own delay are 20 to 70 ms late.
REACH_SECONDS = 0.25
# Kept from speech on both sides, because the ducking is in motion there.
APART_SECONDS = 0.35
STRETCH_SECONDS = (0.5, 5.0)
# Spread evenly over the track, so that a long one costs no more than a short one.
MOST_STRETCHES = 24
SILENCE = 1e-6
# Two unrelated sounds show this much similarity by chance.
FLOOR_DB = -60.0


@dataclass(frozen=True)
class Source:
    """The original's sound (48 kHz stereo), and the spans with speech in it."""

    sound: Path
    seconds: float
    speech: tuple[Span, ...]


@dataclass(frozen=True)
class Original:
    """The mid channel of the source beside a take, (frames,), and which of its frames are
    speech."""

    sound: Sound
    spoken: NDArray[np.bool_]


@dataclass(frozen=True)
class Left:
    """Sums over the frames of one line in which both the original and the take speak."""

    common: float
    original: float
    voice: float


def start_frames(sound: Path, source: Source, timeline: Timeline) -> int | None:
    """Return how many frames late the source's sound is in the release; None if it is not
    audible."""
    alike = sum(_likeness(sound, source.sound, each) for each in _stretches(source, timeline))
    if not np.any(alike):
        return None
    return nearest_peak(np.asarray(alike)) - round(REACH_SECONDS * RATE)


def original_at(at: Located, source: Source, late: int) -> Original:
    """Return the source at the place of a take, in a release that is `late` frames late."""
    first, frames = at.first - late, len(at.voice)
    spoken = _frames_in_speech(source.speech, first, frames)
    return Original(window(source.sound, first, frames).mean(axis=0), spoken)


def left_of(at: Located, original: Original) -> Left:
    """Return one line's sums, from which `left_db` computes what is left of the original."""
    spoken, sound = original.spoken, original.sound[original.spoken]
    rest, voice = at.bed.mean(axis=0), at.gain * at.voice
    return Left(
        float(rest[spoken] @ sound),
        float(np.square(sound).sum()),
        float(np.square(voice[spoken]).sum()),
    )


def left_db(lines: Sequence[Left]) -> float | None:
    """Return the level of the original voice below the takes, in dB; None if the original never
    speaks."""
    original, voice = sum(each.original for each in lines), sum(each.voice for each in lines)
    if original <= SILENCE or voice <= SILENCE:
        return None
    gain = abs(sum(each.common for each in lines)) / original
    ratio = gain**2 * original / voice
    return max(FLOOR_DB, 10 * math.log10(ratio + 1e-12))


def _stretches(source: Source, timeline: Timeline) -> Sequence[Span]:
    """Return spans without speech, of half a second to five seconds."""
    spoken = [Span(each.start, each.end) for each in timeline.placements]
    busy = merge_spans([*widen_speech(source.speech), *spoken], within=0.0)
    borders = [0.0, *(at for span in busy for at in (span.start, span.end)), source.seconds]
    free = [
        Span(start + APART_SECONDS, end - APART_SECONDS)
        for start, end in zip(borders[::2], borders[1::2], strict=True)
    ]
    least, most = STRETCH_SECONDS
    parts = [
        Span(start, min(start + most, span.end))
        for span in free
        for start in np.arange(span.start, span.end - least, most)
    ]
    return parts[:: max(1, -(-len(parts) // MOST_STRETCHES))]


def _likeness(sound: Path, source: Path, stretch: Span) -> NDArray[np.float64]:
    """Return the correlation at every lag within reach; zeros if one of the sounds is silent."""
    from scipy.signal import correlate

    first, frames = round(stretch.start * RATE), round(stretch.seconds * RATE)
    reach = round(REACH_SECONDS * RATE)
    original = window(source, first, frames).mean(axis=0)
    released = window(sound, first - reach, frames + 2 * reach).mean(axis=0)
    if min(np.mean(np.square(each)) for each in (original, released)) <= SILENCE:
        return np.zeros(2 * reach + 1)
    return np.asarray(correlate(released, original, mode="valid", method="fft"), np.float64)


def _frames_in_speech(speech: Sequence[Span], first: int, frames: int) -> NDArray[np.bool_]:
    """Return for each frame whether it is speech."""
    inside = np.zeros(frames, np.bool_)
    for span in speech:
        begin, end = (round(at * RATE) - first for at in (span.start, span.end))
        inside[max(0, begin) : max(0, end)] = True
    return inside
