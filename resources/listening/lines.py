"""Measures one line in the released sound: its place, what is missing, and how clear it is.

    said = say_placed(take, path, place)
    line = measure_line(locate(released.sound, said, place.start), said, place, wanted=None)

The take as it should sound, v, is looked for in the mid channel of the released sound, x:

- it starts where the normalised correlation  <x, v> / (|x| |v|)  is highest (`likeness`); of equal
  peaks, as for a word that is said twice, the one nearest to the planned place counts;
- its gain is the least-squares one,  g = <x, v> / <v, v>.  The rest, x - g v, is the bed; for the
  bed's power g is computed anew for every 20 ms;
- it is surely missing if the upper bound of its gain is below half of the other lines' gain;
- of its first and last 300 ms, a piece of 100 ms is lost if the upper bound of the piece's own gain
  (three standard errors) is below half of g. A piece that a loud bed hides, or that is too soft to
  be missed, does not count as lost.
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

# A take is looked for this far from its place, on both sides.
REACH_SECONDS = 0.6
# Two different utterances of one voice are less similar; a take under an equally loud bed is more.
LEAST_LIKENESS = 0.3
# Because of noise, two equally similar places may differ by this ratio.
NEARLY = 0.98
EDGE_SECONDS, PIECE_SECONDS = 0.3, 0.1
# A piece so much softer than its take is not missed, and codecs drop it.
AUDIBLE_DB = -30.0
LOST_SHARE = 0.5
# The gain is computed for every 20 ms, so that the limiter's reduction does not count as bed.
GAIN_FRAMES = RATE // 50
STANDARD_ERRORS = 3.0
# Independent values in a second of speech or music, for the standard error of a gain.
INDEPENDENT_A_SECOND = 500


@dataclass(frozen=True)
class HeardLine:
    """The measurements of one line; times in seconds of the released sound, powers as mean squares.

    `wanted` is where the original speaker begins, None if unknown. `lost_seconds` is what is
    missing at its edges, `clicks` the number of clicks there.
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
        """Whether the line can be heard near its place."""
        return self.likeness >= LEAST_LIKENESS

    @property
    def onset_ms(self) -> float | None:
        """How many ms the line starts after the original speaker; negative if before."""
        return None if self.wanted is None else 1000 * (self.start - self.wanted)

    @property
    def misplaced_ms(self) -> float:
        """How many ms the line starts after its planned time."""
        return 1000 * (self.start - self.planned)

    @property
    def voice_to_bed_db(self) -> float:
        """The level of the voice over everything else, in dB, over both channels."""
        return 10 * float(np.log10((self.voice_power + 1e-12) / (self.bed_power + 1e-12)))


@dataclass(frozen=True)
class Located:
    """A take found in a part of the released sound, `sound` (2, frames); `bed` is the rest
    without it."""

    first: int
    likeness: float
    gain: float
    sound: Sound
    voice: Sound

    @property
    def bed(self) -> Sound:
        return np.asarray(self.sound - np.float32(self.gain) * self.voice)


def locate(sound: Path, said: Spoken, start: float) -> Located:
    """Find a take whose speech should begin at `start`, in seconds."""
    reach = round(REACH_SECONDS * RATE)
    begin = round(start * RATE) - said.lead - reach
    around = window(sound, begin, len(said.sound) + 2 * reach)
    alike = _likeness(said.sound, around.mean(axis=0))
    best = nearest_peak(alike)
    heard = around[:, best : best + len(said.sound)]
    return Located(
        begin + best, float(alike[best]), _gain(heard.mean(axis=0), said.sound), heard, said.sound
    )


def measure_line(
    at: Located,
    said: Spoken,
    place: Placement,
    *,
    wanted: float | None,
    original: Sound | None = None,
) -> HeardLine:
    """Measure a line at the place where it was found.

    `wanted` is where the original speaker begins, in seconds; `original` is the source's sound
    there.
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
        lost_seconds=_lost_seconds(at.sound.mean(axis=0)[speech], at.voice[speech], at.gain),
        voice_power=voice_power,
        bed_power=bed_power,
        clicks=edge_clicks(at, said.lead, speech.stop, original),
    )


def _likeness(voice: Sound, around: Sound) -> NDArray[np.float64]:
    """Return the normalised correlation at each place where the whole voice fits."""
    from scipy.signal import correlate

    products = correlate(around, voice, mode="valid", method="fft")
    passed = np.cumsum(np.pad(np.square(around, dtype=np.float64), (1, 0)))
    powers = (passed[len(voice) :] - passed[: -len(voice)]) * np.square(voice).sum()
    return np.asarray(products / np.sqrt(powers + 1e-9))


def nearest_peak(alike: NDArray[np.float64]) -> int:
    """Return, of the peaks nearly as high as the highest, the one nearest to the middle."""
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(alike, height=NEARLY * alike.max())
    middle = len(alike) // 2
    return int(min(peaks, key=lambda peak: abs(peak - middle), default=middle))


def _gain(heard: Sound, voice: Sound) -> float:
    return float(np.dot(heard, voice)) / (float(np.square(voice).sum()) + 1e-9)


def _powers(sound: Sound, voice: Sound) -> tuple[float, float]:
    """Return the mean squares of the take, and of everything else in both channels."""
    count = max(1, len(voice) // GAIN_FRAMES)
    said = np.array_split(voice, count)
    parts = np.array_split(sound, count, axis=1)
    takes = [_gain(part.mean(axis=0), each) * each for part, each in zip(parts, said, strict=True)]
    take = np.concatenate(takes)
    return float(np.mean(np.square(take))), float(np.mean(np.square(sound - take)))


def _lost_seconds(heard: Sound, voice: Sound, gain: float) -> float:
    """Return how many seconds at the take's edges are surely missing in `heard`."""
    audible = np.mean(np.square(voice)) * 10 ** (AUDIBLE_DB / 10)
    pieces = [each for each in _edges(len(voice)) if np.mean(np.square(voice[each])) > audible]
    gone = [each for each in pieces if _most_gain(heard[each], voice[each]) < LOST_SHARE * gain]
    return PIECE_SECONDS * len(gone)


def _edges(frames: int) -> Iterator[slice]:
    """Yield the pieces of the first and last 300 ms, each once."""
    size, edge = round(PIECE_SECONDS * RATE), round(EDGE_SECONDS * RATE)
    heads = range(0, min(edge, frames) - size + 1, size)
    tails = range(frames - size, max(frames - edge, heads.stop) - 1, -size)
    for first in (*heads, *tails):
        yield slice(first, first + size)


def _most_gain(heard: Sound, voice: Sound) -> float:
    """Return the upper bound of a piece's gain, given the other sound there."""
    gain = _gain(heard, voice)
    rest, said = (float(np.sqrt(np.mean(np.square(e)))) for e in (heard - gain * voice, voice))
    independent = INDEPENDENT_A_SECOND * len(voice) / RATE
    return gain + STANDARD_ERRORS * rest / (said * math.sqrt(independent))
