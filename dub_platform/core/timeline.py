"""Where each take starts and at which tempo, solved for the whole video at once.

    timeline = fit_timeline([Part(line_id=0, onset=1.2, seconds=2.4), ...], seconds=30.0)

With start s_i and stretch r_i = 1/tempo of every take, natural lengths d_i, wanted onsets a_i, and
how far o_i it goes on after u_i, when nobody is seen to speak any more, the timeline is the
solution of the sparse convex QP

    minimise    sum onset(s_i - a_i) + sum tempo(1 - r_i) + sum change(r_i - r_i+1)
              + sum (o_i / LATER)^2
    subject to  s_i + d_i r_i + GAP <= s_i+1,   s_n + d_n r_n <= E,
                s_1 >= 0,  1/FASTEST <= r_i <= 1/SLOWEST,
                s_i + d_i r_i <= u_i + o_i,  o_i >= 0    where a part has an `until`

    onset(e)  = 0.5 m + 5.5 max(0, m - 1) + 0.6 (e / LATE)^2   m = e / LATE, or -e / EARLY if e < 0
    tempo(q)  = m + max(0, m - m_1.15) + 8 max(0, m - m_1.20) + m^2   m = |q| / TEMPO, and m_t is
                that of a tempo t; what is slower than spoken has but the first and the last term
    change(q) = 1.5 max(0, |q| - 0.10) / TEMPO

A cost with a slope from 0 on leaves what need not move exactly where it was. One that bends where
a fault is noticed (ITU-R BT.1359 for onsets, 5 % of tempo on either side of the spoken one) has a
line take what nobody hears before another one is heard, where squares alone spread it over all.
Each that bends is the greatest of straight lines: in the QP a variable that is above all of them.

A take that is placed in parts is as many takes to the QP. The onsets of all but the first count
for WITHIN of that of a line: the pause before them gives way before the voice is hurried.

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

    # The diagonals of a block from the main one on, each with a value, or 0, in every row.
    _Block = NDArray[np.float64]
    # Blocks of rows by their variables, and what these rows are to be no more than.
    _Row = tuple[dict[str, _Block], NDArray[np.float64]]

FASTEST = 1.30
SLOWEST = 0.90
# Up to here speech is only brisk; before it becomes hurried, a line is better said shorter.
COMFORTABLE = 1.15
GAP_SECONDS = 0.06
# Where a voice out of step with the lips is noticed (ITU-R BT.1359).
LATE_SECONDS = 0.125
EARLY_SECONDS = 0.045
# Its unit of cost: a tempo that is clearly heard.
TEMPO = 0.15
# From there on, one more unit costs so much. `benchmarks/fit.py` has what they were chosen by.
ONSET_SLOPES = ((0.0, 0.5), (1.0, 6.0))
TEMPO_SLOPES = ((0.0, 1.0), ((1 - 1 / COMFORTABLE) / TEMPO, 2.0), ((1 - 1 / 1.20) / TEMPO, 10.0))
CHANGE_SLOPES = ((0.0, 0.0), (0.10 / TEMPO, 1.5))
ONSET_SQUARE = 0.6
# Nobody sees a line begin within it.
WITHIN = 0.03
# s - a, r - 1, what three things cost, and o.
_VARIABLES = ("late", "longer", "onset", "tempo", "change", "over")
# A voice over a closed mouth or after a cut is less of a fault than one that comes late.
LATER_SECONDS = 0.5
# What viewers still accept of a voice that is out of step with the lips (ITU-R BT.1359).
EARLIEST_SECONDS = -0.090
LATEST_SECONDS = 0.185
# The solver wants room around its solution, and nobody hears a millisecond.
SLACK_SECONDS = 0.001


@dataclass(frozen=True)
class Part:
    """A take to place, or a part of one: its speech lasts `seconds` and should start at `onset`.

    It should be over by `until`, which is a wish as the onset is; None where nothing is known. A
    part begins `offset` seconds into the take's speech, and follows the one before it.
    """

    line_id: int
    onset: float
    seconds: float
    until: float | None = None
    offset: float = 0.0


@dataclass(frozen=True)
class PlacedPart:
    """What a take says from `offset` seconds into its speech on, from `start`, for `seconds`."""

    offset: float
    start: float
    seconds: float
    tempo: float

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def spoken_seconds(self) -> float:
        """How long it is in the take."""
        return self.seconds * self.tempo


@dataclass(frozen=True)
class Placement:
    """One take: its speech from `start`, for `seconds`, at `tempo` (1.0 is as spoken).

    `onset_error` is in seconds, positive when late. With `parts` it is silent between them, and
    `tempo` is the fastest one's; without, it is said as it was spoken.
    """

    line_id: int
    start: float
    seconds: float
    tempo: float
    onset_error: float = 0.0
    parts: tuple[PlacedPart, ...] = ()

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def all_parts(self) -> tuple[PlacedPart, ...]:
        """Its parts, or all of it as one."""
        return self.parts or (PlacedPart(0.0, self.start, self.seconds, self.tempo),)

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
        """Return the lines to shorten, and by how much, for the video to hold all; () where it
        does.

        They are those that are furthest over the time until the next onset at FASTEST, brought down
        to one level: what they are over by together is never less than what runs past the end.
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
        """Return pairs of line ids whose takes sound at once; the same id twice for two parts of
        one take."""
        parts = [(place.line_id, part) for place in self.placements for part in place.all_parts]
        return tuple(
            (line, other)
            for (line, first), (other, second) in itertools.pairwise(parts)
            if second.start < first.end
        )


def is_flagged(onset_error: float, tempo: float) -> bool:
    """Tell whether a take had to be spoken as fast as one may be, or is out of step all the
    same."""
    # Half a percent is the solver's tolerance, and nobody hears it.
    return tempo > FASTEST - 0.005 or not EARLIEST_SECONDS <= onset_error <= LATEST_SECONDS


def fit_timeline(parts: Sequence[Part], *, seconds: float) -> Timeline:
    """Solve the timeline of takes, given in the order of their onsets, in a video of so many
    `seconds`."""
    if not parts:
        return Timeline(seconds, ())
    fastest = sum(part.seconds for part in parts) / FASTEST + GAP_SECONDS * (len(parts) - 1)
    # No earlier than all takes can be over: else there would be no solution.
    end = max(seconds, fastest + SLACK_SECONDS)
    placed = zip(parts, _make_exact(parts, *_solve(parts, end), end), strict=True)
    takes = itertools.groupby(placed, key=lambda pair: pair[0].line_id)
    return Timeline(seconds, tuple(_join_parts(list(take)) for _, take in takes))


def _join_parts(placed: Sequence[tuple[Part, PlacedPart]]) -> Placement:
    """Make one placement of a take's parts."""
    (first, begin), (_, last) = placed[0], placed[-1]
    parts = tuple(part for _, part in placed)
    return Placement(
        line_id=first.line_id,
        start=begin.start,
        seconds=last.end - begin.start if len(parts) > 1 else begin.seconds,
        tempo=max(part.tempo for part in parts),
        onset_error=begin.start - first.onset,
        parts=parts if len(parts) > 1 else (),
    )


def _over(place: Placement, onset: float, border: float) -> float:
    """Return how far a take goes past the border, in seconds, started on its onset at its
    fastest."""
    gaps = GAP_SECONDS * (len(place.all_parts) - 1)
    spoken = sum(part.spoken_seconds for part in place.all_parts)
    return onset + spoken / FASTEST + gaps - border


def _level(values: Sequence[float], total: float) -> float:
    """Return down to where the highest values have to be cut, for `total` to be cut off of them
    all."""
    if total <= 2 * SLACK_SECONDS:
        return math.inf
    highest = np.sort(np.array(values))[::-1]
    levels = (np.cumsum(highest) - total) / np.arange(1, len(highest) + 1)
    # Each count of the highest gives a level; one that takes too few or too many is too low.
    return float(levels.max())


def _make_exact(
    parts: Sequence[Part], starts: Sequence[float], stretches: Sequence[float], end: float
) -> list[PlacedPart]:
    """Make the solver's answer exact: its tolerance must not become an overlap."""
    placed: list[PlacedPart] = []
    free_from = 0.0
    borders = [*(start - GAP_SECONDS / 2 for start in starts[1:]), end]
    for part, wanted, stretch, border in zip(parts, starts, stretches, borders, strict=True):
        tempo = min(FASTEST, max(SLOWEST, 1.0 / stretch))
        start = max(wanted, free_from)
        # Nobody hears half a percent, and an untouched take sounds best where it has room.
        if abs(tempo - 1.0) < 0.005 and start + part.seconds <= border:
            tempo = 1.0
        placed.append(PlacedPart(part.offset, start, part.seconds / tempo, tempo))
        free_from = placed[-1].end + GAP_SECONDS / 2
    return placed


def _solve(parts: Sequence[Part], end: float) -> tuple[list[float], list[float]]:
    """Solve for the start (seconds) and the stretch of each part.

    What is solved for is how far they are from the onsets and from 1. The solver's tolerance is a
    part of the cost, and this cost is 0 where all is well, however long the video.
    """
    import clarabel

    # An onset beyond the end cannot be had, and numbers that large cost the solver its precision.
    onsets = np.clip([part.onset for part in parts], 0.0, end)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    # Asked to, it takes a long video whose takes just fit for one where they cannot.
    settings.tol_infeas_abs = settings.tol_infeas_rel = 0.0
    matrix, bounds = _constraints(parts, onsets, end)
    cones = [clarabel.NonnegativeConeT(len(bounds))]
    solver = clarabel.DefaultSolver(*_costs(parts), matrix, bounds, cones, settings)
    late, longer = np.array(solver.solve().x)[: 2 * len(parts)].reshape(2, -1)
    late[np.abs(late) < SLACK_SECONDS] = 0.0
    return (onsets + late).tolist(), (1.0 + longer).tolist()


def _costs(parts: Sequence[Part]) -> tuple[csc_matrix, NDArray[np.float64]]:
    """P and q of 1/2 x'Px + q'x."""
    from scipy.sparse import csc_matrix, diags

    squares = {
        "late": ONSET_SQUARE / LATE_SECONDS**2,
        "longer": 1.0 / TEMPO**2,
        "over": 1.0 / LATER_SECONDS**2,
    }
    sizes = _sizes(len(parts))
    weights = np.concatenate(
        [_weigh(name, parts)[:size] for name, size in zip(_VARIABLES, sizes, strict=True)]
    )
    quadratic = np.repeat([2.0 * squares.get(name, 0.0) for name in _VARIABLES], sizes)
    linear = np.repeat([float(name not in squares) for name in _VARIABLES], sizes)
    return csc_matrix(diags(weights * quadratic)), weights * linear


def _sizes(count: int) -> list[int]:
    """Return how many there are of each variable."""
    return [count - (name == "change") for name in _VARIABLES]


def _weigh(name: str, parts: Sequence[Part]) -> NDArray[np.float64]:
    """Return how much each part counts in a cost."""
    if name not in ("late", "onset"):
        return np.ones(len(parts))
    return np.array([WITHIN if part.offset else 1.0 for part in parts])


def _constraints(
    parts: Sequence[Part], onsets: NDArray[np.float64], end: float
) -> tuple[csc_matrix, NDArray[np.float64]]:
    """A and b of Ax <= b."""
    from scipy.sparse import csc_matrix

    *firsts, width = itertools.accumulate(_sizes(len(parts)), initial=0)
    column_of = dict(zip(_VARIABLES, firsts, strict=True))
    rows = [*_limits(parts, onsets, end), *_bends(len(parts))]
    height, filled = 0, []
    for blocks, bounds in rows:
        for name, block in blocks.items():
            diagonal, row = np.nonzero(block)
            filled.append((block[diagonal, row], height + row, column_of[name] + row + diagonal))
        height += len(bounds)
    # To put sparse blocks together with scipy takes ten times as long, and more than the solver.
    values, at_rows, at_columns = map(np.concatenate, zip(*filled, strict=True))
    matrix = csc_matrix((values, (at_rows, at_columns)), shape=(height, width))
    return matrix, np.concatenate([bounds for _, bounds in rows])


def _limits(parts: Sequence[Part], onsets: NDArray[np.float64], end: float) -> list[_Row]:
    """Return the constraints of the module's formula as rows."""
    count = len(parts)
    lengths = np.array([part.seconds for part in parts], dtype=np.float64)
    room = np.append(np.diff(onsets) - GAP_SECONDS, end - onsets[-1]) - lengths
    # All takes end by E, so that it is no wish where there is none.
    ends = np.clip([end if part.until is None else part.until for part in parts], 0.0, end)
    one, longer = np.ones((1, count)), lengths[np.newaxis]
    # Row i: s_i - s_i+1 + d_i r_i <= -GAP; the last row ends at E instead.
    order = np.stack([np.ones(count), -np.ones(count)])
    order[1, -1] = 0.0
    return [
        ({"late": order, "longer": longer}, room),
        ({"late": -one}, onsets),
        ({"longer": one}, np.full(count, 1 / SLOWEST - 1)),
        ({"longer": -one}, np.full(count, 1 - 1 / FASTEST)),
        ({"late": one, "longer": longer, "over": -one}, ends - onsets - lengths),
        ({"over": -one}, np.zeros(count)),
    ]


def _bends(count: int) -> list[_Row]:
    """Return rows that hold each bending cost above all its straight lines, in both directions."""
    one, step = np.ones((1, count)), np.stack([np.ones(count - 1), -np.ones(count - 1)])
    curves = [
        ("onset", "late", one / LATE_SECONDS, ONSET_SLOPES),
        ("onset", "late", -one / EARLY_SECONDS, ONSET_SLOPES),
        ("tempo", "longer", -one / TEMPO, TEMPO_SLOPES),
        # Slower than by the first bend is never allowed.
        ("tempo", "longer", one / TEMPO, TEMPO_SLOPES[:1]),
        ("change", "longer", step / TEMPO, CHANGE_SLOPES),
        ("change", "longer", -step / TEMPO, CHANGE_SLOPES),
    ]
    return [
        ({of: slope * units, cost: -np.ones_like(units[:1])}, np.full(units.shape[1], below))
        for cost, of, units, slopes in curves
        for slope, below in _lines(slopes)
    ]


def _lines(slopes: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the straight lines whose greatest has these slopes from these places on: each one's
    slope, and how far below 0 it is at 0."""
    lines = [(slopes[0][1], 0.0)]
    for place, slope in slopes[1:]:
        before, below = lines[-1]
        lines.append((slope, below + (slope - before) * place))
    return lines


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95)) if values else 0.0
