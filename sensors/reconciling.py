"""The reconciling sensor: rows that wait for a run that is gone are put right.

A killed machine says nothing, a status sensor sees a run at most once, and a broker can lose what
it was given. So every few seconds the rows that nobody holds a lease of are compared with their
runs. A film that was withdrawn with a removed dub is asked for again where the run that was to make
another has failed. Nothing is decided here that a status sensor has not had time to decide first.
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    ResourceParam,
    RunsFilter,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from assets.step.tags import PARTITION, tags_of
from dub_platform.core.errors import InternalError, RunLostError
from dub_platform.registry import Work, WorkQueue
from sensors.celery_tasks import is_alive, lost
from sensors.outcome import reason_of, record_failure, redo_untold, stopped
from sensors.pools import PoolLimits
from sensors.waiting import wait_for

MOST_ROWS_A_TICK = 100
PAUSE_SECONDS = 5.0
# A run waits for another's lease for 25 seconds at most, and says nothing meanwhile.
QUIET_SECONDS = 45.0
_GONE = "Its process is gone: nobody renews its lease."


@sensor(
    description="Compares what waits for a run, or is being made, with the runs that there are, "
    "and queues again what was lost. A tick waits up to 25 s for something to put right.",
    minimum_interval_seconds=5,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_run_lost(
    context: SensorEvaluationContext,
    registry: ResourceParam[WorkQueue],
    pools: ResourceParam[PoolLimits],
) -> SkipReason:
    """Compare unfinished work that nobody is at with its runs. It starts no run itself."""
    pools.apply(context.instance)
    found = wait_for(
        lambda: reconciled(registry, context.instance, datetime.now(timezone.utc)),
        pause_seconds=PAUSE_SECONDS,
    )
    return SkipReason(f"{found} rows were put right.")


def reconciled(registry: WorkQueue, instance: DagsterInstance, now: datetime) -> int:
    """Put right every row whose run ended or vanished without it; return how many."""
    for run in _forsaken(registry, instance, now):
        _end(run, registry, instance)
    silent = registry.silent(limit=MOST_ROWS_A_TICK, now=now)
    newest = [_newest_run(instance, work) for work, _ in silent]
    gone = lost(instance, [run for run in newest if run is not None])
    righted = sum(
        _agreed(run, registry, instance, is_lost=run.run_id in gone)
        if run is not None
        else _forgotten(registry, work, run_id, now)
        for (work, run_id), run in zip(silent, newest, strict=True)
    )
    # Last: one of these runs may have been the one that was to make a film.
    return righted + registry.queue_owed_films(limit=MOST_ROWS_A_TICK, now=now)


def _forsaken(registry: WorkQueue, instance: DagsterInstance, now: datetime) -> list[DagsterRun]:
    """Runs that Dagster believes to be at work, and that are not.

    One that dies when its row is finished leaves no silent row, and would keep the next one for
    the same partition from starting.
    """
    started = RunsFilter(statuses=[DagsterRunStatus.STARTED])
    runs = instance.get_runs(started, limit=MOST_ROWS_A_TICK)
    at_work = registry.at_work(now=now)
    return [
        run
        for run in runs
        if PARTITION in run.tags
        and run.run_id not in at_work
        and _is_quiet(run, instance, now)
        and not is_alive(instance, run)
    ]


def _is_quiet(run: DagsterRun, instance: DagsterInstance, now: datetime) -> bool:
    [last] = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return now.timestamp() - last.event_log_entry.timestamp > QUIET_SECONDS


def _end(run: DagsterRun, registry: WorkQueue, instance: DagsterInstance) -> None:
    instance.report_run_failed(run, _GONE)
    redo_untold(registry, instance, run)


def _forgotten(registry: WorkQueue, work: Work, run_id: str | None, now: datetime) -> bool:
    if run_id is not None:
        # It was running, and its run is no longer even known: somebody deleted it.
        registry.lost(work, _vanished(run_id), now=now)
    return run_id is not None


def _newest_run(instance: DagsterInstance, work: Work) -> DagsterRun | None:
    tags = tags_of(work)
    if work.language is None:
        # A video's other tags are also on the runs of its dubs, which may be any number.
        tags[PARTITION] = work.video_id
    return next(iter(instance.get_runs(RunsFilter(tags=tags), limit=1)), None)


def _agreed(
    run: DagsterRun, registry: WorkQueue, instance: DagsterInstance, *, is_lost: bool
) -> bool:
    if run.status is DagsterRunStatus.FAILURE:
        record_failure(registry, instance, run, reason_of(instance, run))
    elif run.status is DagsterRunStatus.CANCELED:
        record_failure(registry, instance, run, stopped(run.run_id))
    elif run.status is DagsterRunStatus.SUCCESS:
        record_failure(registry, instance, run, _nothing_written(run))
    elif is_lost or (run.status is DagsterRunStatus.STARTED and not is_alive(instance, run)):
        # First the run, so that the next one for the same partition may start.
        instance.report_run_failed(run, _GONE)
        record_failure(registry, instance, run, _vanished(run.run_id))
    else:
        return False
    return True


def _vanished(run_id: str) -> Mapping[str, Any]:
    return RunLostError(
        f"The run {run_id[:8]} vanished with the machine or process it ran in, and so did those "
        "before it. Ask for it again; if it happens again, look at the workers' memory and logs."
    ).as_details()


def _nothing_written(run: DagsterRun) -> Mapping[str, Any]:
    return InternalError(
        f"The run {run.run_id[:8]} ended well but wrote no outcome. Ask for it again."
    ).as_details()
