"""One line as it is heard: where, whole or cut, over how much of a bed.

    said = say_placed(take, path, place)
    line = heard_line(located(released.sound, said, place.start), said, place, wanted=None)

What is looked for is the take as it was to be said, v, in the middle of the released sound, x:

- it starts where the normalised correlation  <x, v> / (|x| |v|)  is greatest (`likeness`); where it
  is that great twice, as when a word is said twice, at the place that is nearer to its own;
- its gain is the least-squares one,  g = <x, v> / <v, v>,  and what is not g v is the bed, for
  whose power g is told anew every 20 ms;
- it is surely missing where even the upper bound of its gain is under half of other lines';
- of its first and last 300 ms a piece of 100 ms is lost where even the upper bound of its own
  gain (three standard errors) is under half of g. What cannot be told through a loud bed, or is too
  soft to be missed, does not count as lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.mixing import RATE
from dub_platform.core.timeline import Placement
from resources.listening.clicks import edge_clicks
from resources.listening.released import window
from resources.media.time_stretch import Spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# How far from its place a take is looked for.
REACH_SECONDS = 0.6
# Two utterances of one voice are less alike than this, a take under a bed as loud as it is more.
LEAST_LIKENESS = 0.3
# Noise makes two places that are equally alike differ by as much.
NEARLY = 0.98
EDGE_SECONDS, PIECE_SECONDS = 0.3, 0.1
# A piece so far under its take is not missed, and codecs leave it out.
AUDIBLE_DB = -30.0
LOST_SHARE = 0.5
# How loud a take is, is told anew every 20 ms: what a limiter takes from it is no bed.
GAIN_FRAMES = RATE // 50
STANDARD_ERRORS = 3.0
# What is independent in a second of speech or music, for the error of a gain.
INDEPENDENT_A_SECOND = 500


@dataclass(frozen=True)
class HeardLine:
    """One line in the released sound; times in seconds of it, powers as mean squares.

    `wanted` is where the original speaker begins, None where that cannot be told. `lost_seconds` is
    what is missing at its edges, `clicks` how many there are at them.
    """

    line_id: int
    start: float
    end: float
    wanted: float | None
    planned: float
    tempo: float
    likeness: float
    gain: float
    most_gain: float
    lost_seconds: float
    voice_power: float
    bed_power: float
    clicks: int

    @property
    def found(self) -> bool:
        """Whether it can be heard at all near its place."""
        return self.likeness >= LEAST_LIKENESS

    @property
    def onset_ms(self) -> float | None:
        """How much later it starts than the speaker whom it replaces."""
        return None if self.wanted is None else 1000 * (self.start - self.wanted)

    @property
    def misplaced_ms(self) -> float:
        """How much later it starts than it was to."""
        return 1000 * (self.start - self.planned)

    @property
    def voice_to_bed_db(self) -> float:
        """How far the voice is over everything else, both channels counted."""
        return 10 * float(np.log10((self.voice_power + 1e-12) / (self.bed_power + 1e-12)))


@dataclass(frozen=True)
class Located:
    """A take in a stretch of the released sound: `bed` is the rest of it, (2, frames) each."""

    first: int
    likeness: float
    gain: float
    sound: Sound
    voice: Sound

    @property
    def bed(self) -> Sound:
        return np.asarray(self.sound - np.float32(self.gain) * self.voice)


def located(sound: Path, said: Spoken, start: float) -> Located:
    """Where a take is whose speech was to begin at `start`, in seconds."""
    reach = round(REACH_SECONDS * RATE)
    begin = round(start * RATE) - said.lead - reach
    around = window(sound, begin, len(said.sound) + 2 * reach)
    alike = _likeness(said.sound, around.mean(axis=0))
    best = nearest_peak(alike)
    heard = around[:, best : best + len(said.sound)]
    return Located(
        begin + best, float(alike[best]), _gain(heard.mean(axis=0), said.sound), heard, said.sound
    )


def heard_line(
    at: Located,
    said: Spoken,
    place: Placement,
    *,
    wanted: float | None,
    original: Sound | None = None,
) -> HeardLine:
    """What is measured of a line where it was found.

    `wanted` is where the original speaker begins, in seconds; `original` is the source there.
    """
    start = (at.first + said.lead) / RATE
    speech = slice(said.lead, said.lead + round(place.seconds * RATE))
    voice_power, bed_power = _powers(at.sound[:, speech], at.voice[speech])
    return HeardLine(
        line_id=place.line_id,
        start=start,
        end=start + place.seconds,
        wanted=wanted,
        planned=place.start,
        tempo=place.tempo,
        likeness=at.likeness,
        gain=at.gain,
        most_gain=_most_gain(at.sound.mean(axis=0), at.voice),
        lost_seconds=_lost(at.sound.mean(axis=0)[speech], at.voice[speech], at.gain),
        voice_power=voice_power,
        bed_power=bed_power,
        clicks=edge_clicks(at, said.lead, speech.stop, original),
    )


def _likeness(voice: Sound, around: Sound) -> NDArray[np.float64]:
    """How alike the voice and the sound are, at each place where all of it has room."""
    from scipy.signal import correlate

    products = correlate(around, voice, mode="valid", method="fft")
    passed = np.cumsum(np.pad(np.square(around, dtype=np.float64), (1, 0)))
    powers = (passed[len(voice) :] - passed[: -len(voice)]) * np.square(voice).sum()
    return np.asarray(products / np.sqrt(powers + 1e-9))


def nearest_peak(alike: NDArray[np.float64]) -> int:
    """Of the peaks that are nearly as high as the highest, the one nearest to the middle."""
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(alike, height=NEARLY * alike.max())
    middle = len(alike) // 2
    return int(min(peaks, key=lambda peak: abs(peak - middle), default=middle))


def _gain(heard: Sound, voice: Sound) -> float:
    return float(np.dot(heard, voice)) / (float(np.square(voice).sum()) + 1e-9)


def _powers(sound: Sound, voice: Sound) -> tuple[float, float]:
    """The mean squares of the take, and of all that sounds beside it in both channels."""
    count = max(1, len(voice) // GAIN_FRAMES)
    said = np.array_split(voice, count)
    parts = np.array_split(sound, count, axis=1)
    takes = [_gain(part.mean(axis=0), each) * each for part, each in zip(parts, said, strict=True)]
    take = np.concatenate(takes)
    return float(np.mean(np.square(take))), float(np.mean(np.square(sound - take)))


def _lost(heard: Sound, voice: Sound, gain: float) -> float:
    """How many seconds of the take's edges are surely not in what is heard of it."""
    audible = np.mean(np.square(voice)) * 10 ** (AUDIBLE_DB / 10)
    pieces = [each for each in _edges(len(voice)) if np.mean(np.square(voice[each])) > audible]
    gone = [each for each in pieces if _most_gain(heard[each], voice[each]) < LOST_SHARE * gain]
    return PIECE_SECONDS * len(gone)


def _edges(frames: int) -> Iterator[slice]:
    """The pieces of the first and the last 300 ms, none of them twice."""
    size, edge = round(PIECE_SECONDS * RATE), round(EDGE_SECONDS * RATE)
    heads = range(0, min(edge, frames) - size + 1, size)
    tails = range(frames - size, max(frames - edge, heads.stop) - 1, -size)
    for first in (*heads, *tails):
        yield slice(first, first + size)


def _most_gain(heard: Sound, voice: Sound) -> float:
    """The most that the gain of a piece can be, for what else sounds there."""
    gain = _gain(heard, voice)
    rest, said = (float(np.sqrt(np.mean(np.square(e)))) for e in (heard - gain * voice, voice))
    independent = INDEPENDENT_A_SECOND * len(voice) / RATE
    return gain + STANDARD_ERRORS * rest / (said * math.sqrt(independent))
