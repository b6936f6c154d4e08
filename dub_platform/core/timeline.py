"""Where each take starts and at which tempo, solved for the whole video at once.

    timeline = fitted([Part(line_id=0, onset=1.2, seconds=2.4), ...], seconds=30.0)

With start s_i and stretch r_i = 1/tempo of every take, natural lengths d_i, wanted onsets a_i, and
how far o_i it goes on after u_i, when nobody is seen to speak any more, the timeline is the
solution of the convex QP

    minimise    sum ((s_i - a_i) / ONSET)^2 + sum ((r_i - 1) / TEMPO)^2
              + sum ((r_i - r_i+1) / CHANGE)^2 + sum (o_i / LATER)^2
    subject to  s_i + d_i r_i + GAP <= s_i+1,   s_n + d_n r_n <= E,
                s_1 >= 0,  1/FASTEST <= r_i <= 1/SLOWEST,
                s_i + d_i r_i <= u_i + o_i,  o_i >= 0    where a part has an `until`

E is the video's end, or where all takes end that follow each other from 0 at FASTEST, whichever
is later. So it always has a solution: only what cannot fit runs past the end (`overrun`), which
a gate refuses to publish, and `too_long` names the lines that make it so; nothing is ever cut or
overlapped. How far a take may run into the next speaker's time needs no term of its own: it makes
the next one late, which is a cost already.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csc_matrix

FASTEST = 1.30
SLOWEST = 0.90
GAP_SECONDS = 0.06
# One unit of cost each: an onset off by what is just noticed as late (ITU-R BT.1359: 125 ms),
# a tempo that is clearly heard, and a change of tempo between neighbours that is.
ONSET_SECONDS = 0.125
TEMPO = 0.15
CHANGE = 0.15
# A voice over a closed mouth or after a cut is less of a fault than one that comes late.
LATER_SECONDS = 1.0
# What viewers still accept of a voice that is out of step with the lips (ITU-R BT.1359).
EARLIEST_SECONDS = -0.090
LATEST_SECONDS = 0.185
# The solver wants room around its solution, and nobody hears a millisecond.
SLACK_SECONDS = 0.001


@dataclass(frozen=True)
class Part:
    """A take to place: its speech lasts `seconds` and should start at `onset`.

    It should be over by `until`, which is a wish as the onset is; None where nothing is known.
    """

    line_id: int
    onset: float
    seconds: float
    until: float | None = None


@dataclass(frozen=True)
class Placement:
    """One take: its speech from `start`, for `seconds`, at `tempo` (1.0 is as spoken).

    `onset_error` is in seconds, positive when late.
    """

    line_id: int
    start: float
    seconds: float
    tempo: float
    onset_error: float = 0.0

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def onset(self) -> float:
        """Where it should have started."""
        return self.start - self.onset_error


@dataclass(frozen=True)
class TooLong:
    """A line of a video that cannot hold its takes, and by how many seconds of speech, as spoken,
    it would have to be shorter."""

    line_id: int
    seconds: float


@dataclass(frozen=True)
class Timeline:
    """Every take's place, ordered by start; `seconds` is the video's length."""

    seconds: float
    placements: tuple[Placement, ...]

    @property
    def overrun(self) -> float:
        """How far the last take runs past the video's end, in seconds."""
        end = self.placements[-1].end if self.placements else 0.0
        return max(0.0, end - self.seconds)

    @property
    def onset_p95(self) -> float:
        """95th percentile of the absolute onset error, in seconds."""
        return _p95([abs(placement.onset_error) for placement in self.placements])

    @property
    def tempo_p95(self) -> float:
        """95th percentile of the tempo."""
        return _p95([placement.tempo for placement in self.placements])

    def too_long(self) -> tuple[TooLong, ...]:
        """The lines to shorten, and by how much, for the video to hold all; () where it does.

        Those that are furthest over the time until the next onset at FASTEST, brought down to one
        level: what they are over by together is never less than what runs past the end.
        """
        onsets = [min(place.onset, self.seconds) for place in self.placements]
        borders = [*(onset - GAP_SECONDS for onset in onsets[1:]), self.seconds]
        places = zip(self.placements, onsets, borders, strict=False)
        over = {place.line_id: _over(place, *slot) for place, *slot in places}
        level = _level(list(over.values()), self.overrun)
        return tuple(
            TooLong(line_id, (seconds - level) * FASTEST)
            for line_id, seconds in over.items()
            if seconds > level
        )

    def overlaps(self) -> tuple[tuple[int, int], ...]:
        """Pairs of line ids whose takes sound at once."""
        return tuple(
            (first.line_id, second.line_id)
            for first, second in itertools.pairwise(self.placements)
            if second.start < first.end
        )


def is_flagged(onset_error: float, tempo: float) -> bool:
    """Whether a take had to be spoken as fast as one may be, or is out of step all the same."""
    # Half a percent is the solver's tolerance, and nobody hears it.
    return tempo > FASTEST - 0.005 or not EARLIEST_SECONDS <= onset_error <= LATEST_SECONDS


def fitted(parts: Sequence[Part], *, seconds: float) -> Timeline:
    """The timeline of takes given in the order of their onsets, in a video of this length."""
    if not parts:
        return Timeline(seconds, ())
    end = max(seconds, _least_seconds(parts) + SLACK_SECONDS)
    starts, stretches = _solve(parts, end)
    return Timeline(seconds, tuple(_swept(parts, starts, stretches, end)))


def _over(place: Placement, onset: float, border: float) -> float:
    """How far a take at its fastest goes past the border, in seconds, started on its onset."""
    return onset + place.seconds * place.tempo / FASTEST - border


def _level(values: Sequence[float], total: float) -> float:
    """Down to where the highest values have to be cut, for `total` to be cut off of them all."""
    if total <= 2 * SLACK_SECONDS:
        return math.inf
    highest = np.sort(np.array(values))[::-1]
    levels = (np.cumsum(highest) - total) / np.arange(1, len(highest) + 1)
    # Each count of the highest gives a level; one that takes too few or too many is too low.
    return float(levels.max())


def _least_seconds(parts: Sequence[Part]) -> float:
    return sum(part.seconds for part in parts) / FASTEST + GAP_SECONDS * (len(parts) - 1)


def _swept(
    parts: Sequence[Part], starts: Sequence[float], stretches: Sequence[float], end: float
) -> list[Placement]:
    """The solver's answer made exact: its tolerance must not become an overlap."""
    placed: list[Placement] = []
    free_from = 0.0
    borders = [*(start - GAP_SECONDS / 2 for start in starts[1:]), end]
    for part, wanted, stretch, border in zip(parts, starts, stretches, borders, strict=True):
        tempo = min(FASTEST, max(SLOWEST, 1.0 / stretch))
        start = max(wanted, free_from)
        # Nobody hears half a percent, and an untouched take sounds best where it has room.
        if abs(tempo - 1.0) < 0.005 and start + part.seconds <= border:
            tempo = 1.0
        placed.append(
            Placement(part.line_id, start, part.seconds / tempo, tempo, start - part.onset)
        )
        free_from = placed[-1].end + GAP_SECONDS / 2
    return placed


def _solve(parts: Sequence[Part], end: float) -> tuple[list[float], list[float]]:
    """Starts and stretches.

    What is solved for is how far they are from the onsets and from 1. The solver's tolerance is
    a part of the cost, and this cost is 0 where all is well, however long the video.
    """
    import clarabel

    # An onset beyond the end cannot be had, and numbers that large cost the solver its precision.
    onsets = np.clip([part.onset for part in parts], 0.0, end)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    # Asked to, it takes a long video whose takes just fit for one where they cannot.
    settings.tol_infeas_abs = settings.tol_infeas_rel = 0.0
    bounded = [place for place, part in enumerate(parts) if part.until is not None]
    matrix, bounds = _constraints(parts, onsets, end, bounded)
    cones = [clarabel.NonnegativeConeT(len(bounds))]
    nothing = np.zeros(2 * len(parts) + len(bounded))
    costs = _costs(len(parts), len(bounded))
    solver = clarabel.DefaultSolver(costs, nothing, matrix, bounds, cones, settings)
    late, longer, _ = np.split(np.array(solver.solve().x), [len(parts), 2 * len(parts)])
    return (onsets + late).tolist(), (1.0 + longer).tolist()


def _costs(count: int, bounded: int) -> csc_matrix:
    """P (upper triangle) of 1/2 x'Px, for x = (s - a, r - 1, o)."""
    from scipy.sparse import block_diag, csc_matrix, diags, triu

    units = (ONSET_SECONDS, TEMPO, CHANGE, LATER_SECONDS)
    onset, tempo, change, later = (2.0 / unit**2 for unit in units)
    unit = diags([1.0], [0], shape=(count, count))
    stretch_costs = tempo * unit
    if count > 1:
        step = diags([1.0, -1.0], [0, 1], shape=(count - 1, count))
        stretch_costs = stretch_costs + change * (step.T @ step)
    blocks = [onset * unit, stretch_costs]
    if bounded:
        blocks.append(diags([later], [0], shape=(bounded, bounded)))
    return csc_matrix(triu(block_diag(blocks)))


def _constraints(
    parts: Sequence[Part], onsets: NDArray[np.float64], end: float, bounded: Sequence[int]
) -> tuple[csc_matrix, NDArray[np.float64]]:
    """A and b of Ax <= b, row by row as in the module's formula; `bounded` have an `until`."""
    from scipy.sparse import csc_matrix, diags, hstack, vstack

    count = len(parts)
    lengths = np.array([part.seconds for part in parts], dtype=np.float64)
    unit = diags([1.0], [0], shape=(count, count), format="csr")
    none = csc_matrix((count, count))
    # Row i: s_i - s_i+1 + d_i r_i <= -GAP; the last row ends at E instead.
    order = diags([1.0, -1.0], [0, 1], shape=(count, count))
    matrix = vstack(
        [
            hstack([order, diags(lengths)]),
            hstack([-unit, none]),
            hstack([none, unit]),
            hstack([none, -unit]),
        ],
        format="csc",
    )
    room = np.append(np.diff(onsets) - GAP_SECONDS, end - onsets[-1]) - lengths
    longest, shortest = 1 / SLOWEST - 1, 1 - 1 / FASTEST
    bounds = np.concatenate([room, onsets, np.full(count, longest), np.full(count, shortest)])
    if not bounded:
        return matrix, bounds
    some = unit[bounded]
    over = diags([1.0], [0], shape=(len(bounded), len(bounded)))
    wishes = hstack([some, some @ diags(lengths), -over])
    beyond = hstack([csc_matrix((len(bounded), 2 * count)), -over])
    beside = csc_matrix((matrix.shape[0], len(bounded)))
    spare = np.clip([parts[place].until for place in bounded], 0.0, end)
    spare = spare - onsets[bounded] - lengths[bounded]
    return (
        csc_matrix(vstack([hstack([matrix, beside]), wishes, beyond])),
        np.concatenate([bounds, spare, np.zeros(len(bounded))]),
    )


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95)) if values else 0.0
