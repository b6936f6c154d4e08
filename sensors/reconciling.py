"""The reconciling sensor: mends rows that wait for a run that is gone.

A killed machine reports nothing, a status sensor sees a run at most once, and a broker can lose a
task. So every few seconds, rows without a lease holder are compared with their runs. It also
requests the film again that was withdrawn with a removed dub, if the run that was to make it
failed. Status sensors always get the time to act first.
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
from sensors.celery_tasks import is_alive, lost_runs
from sensors.outcome import reason_of, record_failure, redo_unrecorded, stopped_details
from sensors.pools import PoolLimits
from sensors.waiting import wait_for

MOST_ROWS_A_TICK = 100
PAUSE_SECONDS = 5.0
# Longer than a run may be silent: it waits up to 25 s for another run's lease.
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
    """Compare unfinished work without a lease holder with its runs. Starts no run itself."""
    pools.apply(context.instance)
    found = wait_for(
        lambda: reconcile(registry, context.instance, datetime.now(timezone.utc)),
        pause_seconds=PAUSE_SECONDS,
    )
    return SkipReason(f"{found} rows were put right.")


def reconcile(registry: WorkQueue, instance: DagsterInstance, now: datetime) -> int:
    """Mend every row whose run ended or vanished without recording it; return how many."""
    for run in _dead_runs(registry, instance, now):
        _end(run, registry, instance)
    silent = registry.list_unattended(limit=MOST_ROWS_A_TICK, now=now)
    newest = [_newest_run(instance, work) for work, _ in silent]
    gone = lost_runs(instance, [run for run in newest if run is not None])
    righted = sum(
        _reconcile_run(run, registry, instance, is_lost=run.run_id in gone)
        if run is not None
        else _reconcile_without_run(registry, work, run_id, now)
        for (work, run_id), run in zip(silent, newest, strict=True)
    )
    # Last, because one of the runs just ended may have been the one that had to make a film.
    return righted + registry.queue_owed_films(limit=MOST_ROWS_A_TICK, now=now)


def _dead_runs(registry: WorkQueue, instance: DagsterInstance, now: datetime) -> list[DagsterRun]:
    """Return runs that Dagster believes to be running although their process is gone.

    A run that dies just after its row is finished leaves no row to mend, but would block the next
    run of the same partition.
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
    redo_unrecorded(registry, instance, run)


def _reconcile_without_run(
    registry: WorkQueue, work: Work, run_id: str | None, now: datetime
) -> bool:
    if run_id is not None:
        # The row names a run that Dagster does not know any more: somebody deleted it.
        registry.requeue_lost(work, _vanished_details(run_id), now=now)
    return run_id is not None


def _newest_run(instance: DagsterInstance, work: Work) -> DagsterRun | None:
    tags = tags_of(work)
    if work.language is None:
        # The runs of a video's dubs have its other tags, too; only the partition tells them apart.
        tags[PARTITION] = work.video_id
    return next(iter(instance.get_runs(RunsFilter(tags=tags), limit=1)), None)


def _reconcile_run(
    run: DagsterRun, registry: WorkQueue, instance: DagsterInstance, *, is_lost: bool
) -> bool:
    if run.status is DagsterRunStatus.FAILURE:
        record_failure(registry, instance, run, reason_of(instance, run))
    elif run.status is DagsterRunStatus.CANCELED:
        record_failure(registry, instance, run, stopped_details(run.run_id))
    elif run.status is DagsterRunStatus.SUCCESS:
        record_failure(registry, instance, run, _no_outcome_details(run))
    elif is_lost or (run.status is DagsterRunStatus.STARTED and not is_alive(instance, run)):
        # End the run first, so that the next one for the same partition may start.
        instance.report_run_failed(run, _GONE)
        record_failure(registry, instance, run, _vanished_details(run.run_id))
    else:
        return False
    return True


def _vanished_details(run_id: str) -> Mapping[str, Any]:
    return RunLostError(
        f"The run {run_id[:8]} vanished with the machine or process it ran in, and so did those "
        "before it. Ask for it again; if it happens again, look at the workers' memory and logs."
    ).as_details()


def _no_outcome_details(run: DagsterRun) -> Mapping[str, Any]:
    return InternalError(
        f"The run {run.run_id[:8]} ended well but wrote no outcome. Ask for it again."
    ).as_details()
