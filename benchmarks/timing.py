"""The moments of a run, read out of Dagster's event log.

run = Run.of([("PIPELINE_ENQUEUED", None, 1795000000.0), ...], released=1795000042.0)
run.steps["speech"]                                     # seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """The moments of one run, as seconds since 1970; `taken` is when a worker took it."""

    requested: float
    taken: float
    began: float
    ended: float
    steps: Mapping[str, float]

    @classmethod
    def of(cls, events: Sequence[tuple[str, str | None, float]], released: float) -> Run:
        """From its event log; what a step does after the release is waited for by nobody."""

        def first(*kinds: str) -> float:
            return next(moment for kind, _, moment in events if kind in kinds)

        starts = {step: moment for kind, step, moment in events if kind == "STEP_START" and step}
        ends = {
            step: min(moment, released)
            for kind, step, moment in events
            if kind == "STEP_SUCCESS" and step and starts[step] < released
        }
        return cls(
            requested=first("PIPELINE_ENQUEUED"),
            taken=first("PIPELINE_START"),
            began=min(starts.values()),
            ended=max(ends.values()),
            steps={step: ends[step] - starts[step] for step in ends},
        )
