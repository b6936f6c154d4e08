"""The reconciling schedule: rows and runs compared every few minutes.

Status sensors see a run at most once and a killed machine says nothing, so a row can wait for
a run that is gone. Nothing is decided here that a sensor has not had time to decide first.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultScheduleStatus,
    ResourceParam,
    RunsFilter,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from assets.jobs import prepare_video
from assets.tags import tags_of
from dub_platform.core.errors import InternalError
from dub_platform.registry import Registry, Work
from sensors.outcome import reason_of, record_failure, stopped, will_be_retried

# Longer than a tick of the requesting sensor, a claim, and the status sensors' own wait.
SETTLED = timedelta(minutes=3)


@schedule(
    cron_schedule="*/2 * * * *",
    job=prepare_video,
    default_status=DefaultScheduleStatus.RUNNING,
)
def rows_agree_with_runs(
    context: ScheduleEvaluationContext, registry: ResourceParam[Registry]
) -> SkipReason:
    """Compare unfinished work with its runs. It starts no run itself: the sensor does."""
    found = reconciled(registry, context.instance, datetime.now(timezone.utc))
    return SkipReason(f"{found} rows were put right.")


def reconciled(registry: Registry, instance: DagsterInstance, now: datetime) -> int:
    """Put right every row whose run ended without it; return how many."""
    put_right = 0
    for work, run_id, updated_at in registry.live():
        if now - updated_at < SETTLED:
            continue
        run = _newest_run(instance, work)
        if run is not None:
            put_right += _agreed(run, registry, instance)
        elif run_id is not None:
            # It was running, and its run is no longer even known: somebody deleted it.
            registry.again(work)
            put_right += 1
    return put_right


def _newest_run(instance: DagsterInstance, work: Work) -> DagsterRun | None:
    runs = instance.get_runs(RunsFilter(tags=tags_of(work)), limit=10)
    # A video's tags are also on the runs of its dubs.
    return next((run for run in runs if ("dub/language" in run.tags) == bool(work.language)), None)


def _agreed(run: DagsterRun, registry: Registry, instance: DagsterInstance) -> bool:
    if run.status is DagsterRunStatus.FAILURE and not will_be_retried(run):
        record_failure(registry, run, reason_of(instance, run))
    elif run.status is DagsterRunStatus.CANCELED:
        record_failure(registry, run, stopped(run.run_id))
    elif run.status is DagsterRunStatus.SUCCESS:
        record_failure(registry, run, _nothing_written(run))
    else:
        return False
    return True


def _nothing_written(run: DagsterRun) -> Mapping[str, Any]:
    return InternalError(
        f"The run {run.run_id[:8]} ended well but wrote no outcome. Ask for it again."
    ).as_details()
