"""Encodes a mix, so that the decoded file has the target loudness and no peak above the ceiling.

    mixed = encode_mix(mix, gain_db, into=folder)

Pieces are limited and encoded, then joined, decoded and measured, several at once. AAC adds peaks:
where one is above the ceiling, the gain gets a local dip, and those pieces are encoded again. The
limiter lowers the loudness: if it does so too much, all pieces are encoded again with more gain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dub_platform.core import loudness, mixing
from resources.media.ffmpeg import Loudness
from resources.mixer import aac, limiter
from resources.mixer.aac import Packets
from resources.mixer.meter import HOP, steps, true_peaks
from resources.mixer.pieces import AAC_FRAME, STEP, Piece, each, pieces
from resources.mixer.port import Mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]
    Power = NDArray[np.float64]

ROUNDS = 8
# Kept free below the ceiling in the first round, because AAC adds peaks.
HEADROOM_DB = 0.7
CEILING = float(mixing.linear(loudness.TRUE_PEAK_DB - HEADROOM_DB))
# Meters differ by one or two tenths, because each has its own interpolation filter.
PEAK_MARGIN_DB = 0.1
LUFS_MARGIN = 0.1
# The limiter's effect is estimated from four pieces, plus one for every ten minutes.
FORESEEN = 4
FORESEEN_APART = 32
# The estimate covers up to this much more gain.
FORESEEN_DB = 3.0
# A sound that needs more gain than this consists of a few peaks only.
MOST_LIMITED_DB = 24.0
# The smallest share of a gain change that is expected to remain after the limiter.
LEAST_KEPT = 0.1
DIP_MARGIN_DB = 0.1
# Within so many hops, a dip of 5 dB has faded out.
DIP_MARGIN_HOPS = 64
# The decoder and the meter's filter settle during these packets before a piece.
_SETTLING_PACKETS = 16


class Mix(Protocol):
    """A sound of `frames` frames, any part of which can be computed, as often as needed."""

    @property
    def frames(self) -> int: ...

    def at(self, begin: int, end: int) -> Sound:
        """Return float32, (2, end - begin)."""
        ...


def encode_mix(mix: Mix, gain_db: float, *, into: Path) -> Mixed:
    """Encode the mix at -16 LUFS and below -1.5 dBTP; `gain_db` is the gain needed without a
    limiter.

    Silence stays silence. A sound that does not reach the target within ROUNDS gets as near as it
    can. Raises StorageFullError.
    """
    encoding = _Encoding(mix, into, gain_db)
    encoding.foresee()
    wanting: Sequence[Piece] = encoding.pieces
    for _ in range(ROUNDS):
        encoding.make(wanting)
        wanting = encoding.wanting()
        if not wanting:
            break
    path = into / "track.m4a"
    aac.write(encoding.packets, mix.frames, path)
    return Mixed(path, encoding.loudness)


@dataclass(frozen=True)
class _Measured:
    """Measurements of a decoded piece: power in each 100 ms, and the hops that exceed the
    ceiling."""

    power: Power
    peak: float
    hops: NDArray[np.int64]
    over_db: Sound


_NOTHING = _Measured(np.zeros(0), 0.0, np.zeros(0, np.int64), np.zeros(0, np.float32))


def _loudness_lost(power: Power, peaks: Sound, gained_db: float) -> float:
    """Return how many LU the limiter removes from hops of this power and peak, after `gained_db`
    more gain."""
    reduction = limiter.reductions(peaks * np.float32(mixing.linear(gained_db)), CEILING)
    limited = power * np.square(mixing.linear(-reduction))
    loud, left = (loudness.integrate(_average_by_step(powers)) for powers in (power, limited))
    return loud - left


def _average_by_step(power: Power) -> Power:
    return np.asarray(power.reshape(-1, STEP // HOP).mean(axis=1))


class _Encoding:
    """The pieces as they were last encoded, with their measurements."""

    def __init__(self, mix: Mix, folder: Path, gain_db: float) -> None:
        self.mix, self.folder, self.gain_db = mix, folder, gain_db
        self.before = (gain_db, 0.0)
        self.most_db = gain_db + MOST_LIMITED_DB
        self.pieces = pieces(mix.frames)
        self.packets = [Packets(folder, np.zeros(0, np.int32))] * len(self.pieces)
        self.measured = [_NOTHING] * len(self.pieces)
        # The kernel reserves no memory for zeros until something is written.
        self.dips: Sound = np.zeros(mix.frames // HOP + 1, np.float32)

    @property
    def loudness(self) -> Loudness:
        """The loudness and true peak of the joined stream, as a decoder plays it."""
        power = np.concatenate([piece.power for piece in self.measured])
        peak = max(piece.peak for piece in self.measured)
        peak_db = 20.0 * math.log10(peak) if peak else -math.inf
        return Loudness(round(loudness.integrate(power), 2), round(peak_db, 2))

    def foresee(self) -> None:
        """Raise the gain by what the limiter will remove, as estimated from some pieces."""
        apart = max(1, len(self.pieces) // (FORESEEN + len(self.pieces) // FORESEEN_APART))
        some = each(self._measure_hops, self.pieces[apart // 2 :: apart])
        power, peaks = (np.concatenate(of_all) for of_all in zip(*some, strict=True))
        begun_db = self.gain_db
        for _ in range(ROUNDS):
            gained_db = self.gain_db - begun_db
            lufs = loudness.TARGET_LUFS + gained_db - _loudness_lost(power, peaks, gained_db)
            if abs(loudness.TARGET_LUFS - lufs) <= LUFS_MARGIN:
                break
            self._correct(lufs)

    def _measure_hops(self, piece: Piece) -> tuple[Power, Sound]:
        """Return the power and the peak of each hop of a piece, before the limiter."""
        sound = self._amplify(piece)
        whole = sound.shape[1] // STEP * (STEP // HOP)
        peaks = true_peaks(sound, above=CEILING / mixing.linear(FORESEEN_DB))
        return steps(sound, each=HOP)[:whole], peaks[:whole]

    def make(self, wanted: Sequence[Piece]) -> None:
        """Encode these pieces; measure each, and the one after it, whose beginning depends on
        it."""
        for piece, packets in zip(wanted, each(self._encode, wanted), strict=True):
            self.packets[piece.number] = packets
        numbers = sorted({n for piece in wanted for n in (piece.number, piece.number + 1)})
        heard = [self.pieces[n] for n in numbers if n < len(self.pieces)]
        for piece, measured in zip(heard, each(self._measure, heard), strict=True):
            self.measured[piece.number] = measured

    def wanting(self) -> Sequence[Piece]:
        """Return the pieces that must be encoded again, after correcting gain and dips for it."""
        lufs = self.loudness.lufs
        if lufs <= loudness.SILENCE_LUFS:
            return []
        dipped = self._dip()
        if abs(loudness.TARGET_LUFS - lufs) > loudness.LUFS_TOLERANCE - LUFS_MARGIN:
            self._correct(lufs)
            return self.pieces
        return dipped

    def _correct(self, lufs: float) -> None:
        """Change the gain by the missing loudness, and by more if the limiter removes most of a
        change."""
        before_db, before_lufs = self.before
        self.before = self.gain_db, lufs
        changed_db = self.gain_db - before_db
        kept = (lufs - before_lufs) / changed_db if changed_db else 1.0
        wanted_db = self.gain_db + (loudness.TARGET_LUFS - lufs) / min(1.0, max(LEAST_KEPT, kept))
        self.gain_db = min(wanted_db, self.most_db)

    def _dip(self) -> Sequence[Piece]:
        """Add dips where peaks exceed the ceiling; return the pieces that contain some of them."""
        dipped = set()
        for piece, measured in zip(self.pieces, self.measured, strict=True):
            if len(measured.hops):
                first, last = self._dip_in(piece, measured)
                dipped |= {p for p in self.pieces if p.begin // HOP <= last and first < p.end / HOP}
        return sorted(dipped, key=lambda piece: piece.first)

    def _dip_in(self, piece: Piece, measured: _Measured) -> tuple[int, int]:
        """Add the dips of one piece; return the first and the last hop they reach."""
        begin = max(0, piece.first // HOP - DIP_MARGIN_HOPS)
        end = min(len(self.dips), -(-piece.last // HOP) + DIP_MARGIN_HOPS)
        over = np.zeros(end - begin, np.float32)
        over[measured.hops - begin] = measured.over_db
        dip = limiter.dips(over)
        self.dips[begin:end] += dip
        moved = np.flatnonzero(dip)
        return begin + int(moved[0]), begin + int(moved[-1])

    def _encode(self, piece: Piece) -> Packets:
        sound = self._limit(self._amplify(piece), piece)
        packets = aac.encode(sound, into=self.folder / f"piece-{piece.number}.aac")
        # The first packet lies before the sound: it is the encoder's delay.
        begin = (piece.first - piece.begin) // AAC_FRAME + 1
        own = -(-piece.frames // AAC_FRAME)
        return packets.between(begin if piece.number else 0, begin + own)

    def _amplify(self, piece: Piece) -> Sound:
        sound = self.mix.at(piece.begin, piece.end)
        sound *= np.float32(mixing.linear(self.gain_db))
        return sound

    def _limit(self, sound: Sound, piece: Piece) -> Sound:
        """Turn the sound of a piece (with its margins) down in place, so that no peak exceeds
        the ceiling."""
        reduction = limiter.reductions(true_peaks(sound, above=CEILING), CEILING)
        first = piece.begin // HOP
        reduction += self.dips[first : first + len(reduction)]
        sound *= limiter.gains(reduction, sound.shape[1])
        return sound

    def _measure(self, piece: Piece) -> _Measured:
        """Measure the piece as it sounds in the joined stream."""
        before = self.packets[piece.number - 1] if piece.number else None
        settling = before.last(_SETTLING_PACKETS) if before else None
        sound = aac.decode([each for each in (settling, self.packets[piece.number]) if each])
        begin = piece.first - (_SETTLING_PACKETS - 1) * AAC_FRAME if before else 0
        sound = sound[:, : piece.last - begin]
        highest = mixing.linear(loudness.TRUE_PEAK_DB - PEAK_MARGIN_DB)
        peaks = true_peaks(sound, above=highest)[(piece.first - begin) // HOP :]
        hops = np.flatnonzero(peaks > highest)
        over_db = 20.0 * np.log10(peaks[hops] / highest) + DIP_MARGIN_DB
        return _Measured(
            steps(sound, piece.first - begin),
            float(peaks.max(initial=0.0)),
            hops + piece.first // HOP,
            over_db.astype(np.float32),
        )
