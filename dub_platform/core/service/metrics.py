"""What is counted for ever: the metrics that outlive the process that saw what they count.

    STAGE_SECONDS.tally(12.5, "transcript", "made")      # one more of a histogram, a Tally
    GATE_RESULTS.tally(1, "track_has_no_overlaps", "passed")

A run's process ends with its run, so nothing is counted in memory there: a tally is added to its
row in the registry (`dub_platform/registry/tallies.py`), and the API reads the rows when it is
asked (`api/middleware/metrics.py`). Label values are words of ours, so a metric has few rows.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass

PREPARE, DUB = "prepare", "dub"
INFINITE = "+Inf"
_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0)


@dataclass(frozen=True)
class Tally:
    """One more of a metric: its labels' values, its bucket (empty for a counter), its value."""

    metric: str
    labels: tuple[str, ...]
    le: str
    value: float


@dataclass(frozen=True)
class Metric:
    """A counter, or with `buckets` (their upper ends, ascending) a histogram."""

    name: str
    says: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def tally(self, value: float, *labels: str) -> Tally:
        """Return one more of this metric: what a counter goes up by, or what was measured. Raises
        ValueError for other labels."""
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, and was given {labels}")
        le = self.ends[bisect.bisect_left(self.buckets, value)] if self.buckets else ""
        return Tally(self.name, labels, le, value)

    @property
    def ends(self) -> tuple[str, ...]:
        """The buckets' upper ends as Prometheus writes them, infinity last."""
        return (*map(str, self.buckets), INFINITE)


PROCESSED = Metric(
    "videos_processed", "Videos prepared (prepare), and dubs released (dub).", ("work",)
)
FAILED = Metric("videos_failed", "Videos and dubs that failed, by error code.", ("work", "code"))
PROCESSING_SECONDS = Metric(
    "video_processing_duration_seconds",
    "From the start of the run that prepared a video, or released a dub, to that moment.",
    ("work",),
    tuple(end for end in _SECONDS if end >= 10),
)
TRANSCRIPTION_SECONDS = Metric(
    "transcription_duration_seconds", "Listening to a video.", buckets=_SECONDS
)
STAGE_SECONDS = Metric(
    "stage_duration_seconds",
    "One try of a step of a run, made or failed.",
    ("stage", "outcome"),
    _SECONDS,
)
PROVIDER_CALLS = Metric(
    "provider_calls",
    "Paid calls: opened before they are made, then settled, or failed at no cost.",
    ("role", "outcome"),
)
PROVIDER_DOLLARS = Metric("provider_cost_dollars", "What settled calls cost.", ("role",))
LINES_SPOKEN = Metric(
    "lines_spoken", "Takes that were paid for (by a free voice too), and reused.", ("outcome",)
)
GATE_RESULTS = Metric("gate_results", "Gates that passed or failed.", ("gate", "result"))

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        PROCESSED,
        FAILED,
        PROCESSING_SECONDS,
        TRANSCRIPTION_SECONDS,
        STAGE_SECONDS,
        PROVIDER_CALLS,
        PROVIDER_DOLLARS,
        LINES_SPOKEN,
        GATE_RESULTS,
    )
}
