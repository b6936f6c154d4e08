"""What samples of running processes say about growth, when the start and busy moments are left out.

    drop_warm_up(samples)                                     # without the warm-up
    of_role(samples, "api", lambda process: process.fds).per_hour
    of_count(samples, "temp files").end

What a process holds at work says little of what it keeps, so a slope is taken of the least that it
held in each minute: at rest, or nearest to it. It is that of Theil and Sen, the median over all
pairs, which a minute without rest does not bend. It is taken within one process and never across
two, so a worker's child that was replaced hides no leak of the one before it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

SECONDS_AN_HOUR = 3600.0
WARM_UP = 0.25
# Seen less often, a process is a tool that a step runs: what it holds goes with it.
LEAST_SAMPLES = 6
REST_SECONDS = 60.0
# Of the first and the last samples, of which the median is told as start and end.
EDGE = 5

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Reading:
    """What one process holds at one moment; `own_mb` is what it shares with no other one."""

    rss_mb: float
    own_mb: float
    fds: float
    threads: float


@dataclass(frozen=True)
class Sample:
    """What all hold at a moment in seconds: processes by role, and what is counted as a whole."""

    moment: float
    processes: Mapping[str, Mapping[Hashable, Reading]]
    counts: Mapping[str, float]


@dataclass(frozen=True)
class Growth:
    """A measure at both ends, and how much more of it there is after an hour."""

    start: float
    end: float
    per_hour: float


Measure = Callable[[Reading], float]


def drop_warm_up(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Drop the first quarter, in which all is imported, connected and cached once."""
    return samples[int(len(samples) * WARM_UP) :]


def of_role(samples: Sequence[Sample], role: str, measure: Measure) -> Growth:
    """Return the growth of all lasting processes of a role; each one's slope weighs as long as it
    was there."""
    lasting = _lasting(samples, role)
    sums = [
        sum(measure(each) for key, each in sample.processes[role].items() if key in lasting)
        for sample in samples
    ]
    slopes = (
        slope_per_hour(at_rest(_points(samples, role, key, measure))) * seen / len(samples)
        for key, seen in lasting.items()
    )
    return Growth(*_edges(sums), sum(slopes))


def of_count(samples: Sequence[Sample], name: str) -> Growth:
    """Return the growth of what is counted as a whole."""
    points = [(sample.moment, sample.counts[name]) for sample in samples]
    return Growth(*_edges([value for _, value in points]), slope_per_hour(points))


def count_replaced(samples: Sequence[Sample], role: str) -> int:
    """Count the lasting processes of a role that were gone in the end."""
    return len(_lasting(samples, role).keys() - samples[-1].processes[role].keys())


def slope_per_hour(points: Points) -> float:
    """Return the slope of values over seconds, in an hour; 0 where there is nothing to compare."""
    from scipy.stats import theilslopes

    moments, values = [at for at, _ in points], [value for _, value in points]
    if len(set(moments)) < 2:
        return 0.0
    return SECONDS_AN_HOUR * float(theilslopes(values, moments).slope)


def at_rest(points: Points) -> Points:
    """The lowest of each minute; all of them where there are no two minutes to compare."""
    lowest: dict[int, tuple[float, float]] = {}
    for moment, value in points:
        minute = int((moment - points[0][0]) / REST_SECONDS)
        if minute not in lowest or value < lowest[minute][1]:
            lowest[minute] = (moment, value)
    return list(lowest.values()) if len(lowest) > 2 else points


def _lasting(samples: Sequence[Sample], role: str) -> dict[Hashable, int]:
    """The processes that were not only passing by, with how many samples each is in."""
    seen: dict[Hashable, int] = {}
    for sample in samples:
        for key in sample.processes[role]:
            seen[key] = seen.get(key, 0) + 1
    least = min(LEAST_SAMPLES, len(samples))
    return {key: count for key, count in seen.items() if count >= least}


def _points(samples: Sequence[Sample], role: str, key: Hashable, measure: Measure) -> Points:
    return [
        (sample.moment, measure(sample.processes[role][key]))
        for sample in samples
        if key in sample.processes[role]
    ]


def _edges(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values[:EDGE]), statistics.median(values[-EDGE:])
