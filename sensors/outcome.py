"""The outcome sensors: what a run that failed or was stopped leaves in the registry.

Success is written by the last step itself. A status sensor sees a run at most once, so
`reconciling.py` compares what is left.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    JsonMetadataValue,
    ResourceParam,
    RunFailureSensorContext,
    RunStatusSensorContext,
    run_failure_sensor,
    run_status_sensor,
)

from assets.dub import r2_object
from assets.jobs import dub_video, prepare_video
from assets.step.tags import work_of
from assets.step.telemetry import refusal_of, subject, unexpected
from dub_platform.core.errors import (
    DubError,
    GateFailedError,
    MachineBusyError,
    RunLostError,
    RunStoppedError,
    RunSupersededError,
)
from dub_platform.observability.reports import Reporter
from dub_platform.registry import WorkQueue

Details = Mapping[str, Any]
CHECKED, FAILED = DagsterEventType.ASSET_CHECK_EVALUATION, DagsterEventType.STEP_FAILURE
MADE = DagsterEventType.ASSET_MATERIALIZATION
# Somebody waits for the reason. Dagster's own interval is 30 s.
SECONDS_BETWEEN = 15
# SQLite keeps the second in which a run was made.
CREATED_TO = timedelta(seconds=1)


@run_failure_sensor(
    description="Writes why a run failed into the row of its video or dub, from where events and "
    "webhooks have it. A tick looks at the runs that failed since the one before.",
    minimum_interval_seconds=SECONDS_BETWEEN,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_run_failed(
    context: RunFailureSensorContext,
    registry: ResourceParam[WorkQueue],
    reporter: ResourceParam[Reporter],
) -> None:
    """Write why the run failed."""
    reason = reason_of(context.instance, context.dagster_run)
    report_unheard(reporter, context.dagster_run, reason)
    record_failure(registry, context.instance, context.dagster_run, reason)
    redo_untold(registry, context.instance, context.dagster_run)


@run_status_sensor(
    run_status=DagsterRunStatus.CANCELED,
    description="Writes that somebody stopped a run. A tick looks at the runs that were stopped "
    "since the one before.",
    minimum_interval_seconds=SECONDS_BETWEEN,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_run_canceled(context: RunStatusSensorContext, registry: ResourceParam[WorkQueue]) -> None:
    """Write that somebody stopped the run."""
    run = context.dagster_run
    record_failure(registry, context.instance, run, stopped(run.run_id))


def record_failure(
    registry: WorkQueue, instance: DagsterInstance, run: DagsterRun, details: Details
) -> None:
    """Write the reason into the row of the run's work, or of what an operator started it for.

    Work whose run ended without saying why is queued once more: it was killed, or its machine was.
    One that never began says nothing about its work, which waits for a while. Nor does one that
    gave way to another.
    """
    if details["code"] == RunSupersededError.code:
        return
    work = work_of(run.tags)
    now, told = datetime.now(timezone.utc), {**details, "run_id": run.run_id}
    if work is None:
        _record_by_hand(registry, instance, run, told, now)
    elif details["code"] != RunLostError.code:
        registry.failed(work, told, now=now)
    elif has_begun(instance, run):
        registry.lost(work, told, now=now)
    else:
        registry.postpone(work, machine_is_busy(), now=now)


def _record_by_hand(
    registry: WorkQueue, instance: DagsterInstance, run: DagsterRun, details: Details, now: datetime
) -> None:
    record, target = instance.get_run_record_by_id(run.run_id), subject(run.tags)
    # Who stops a run of their own need not be told of it.
    if record is None or "video" not in target or details["code"] == RunStoppedError.code:
        return
    registry.failed_by_hand(
        target["video"],
        target.get("language"),
        details,
        began=record.create_timestamp + CREATED_TO,
        now=now,
    )


def has_begun(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the run's process came so far that it said so."""
    record = instance.get_run_record_by_id(run.run_id)
    return record is not None and record.start_time is not None


def machine_is_busy() -> Details:
    """What is said of work whose run could not begin."""
    return MachineBusyError(
        "The machine is busy: the process for this work could not begin. It is tried again by "
        "itself after a pause, and nothing needs to be asked for again."
    ).as_details()


def report_unheard(reporter: Reporter, run: DagsterRun, details: Details) -> None:
    """Report what no hook of a step could: that a run vanished, or a gate of one of no job."""
    unheard: dict[str, type[DubError]] = {RunLostError.code: RunLostError}
    if run.job_name not in (prepare_video.name, dub_video.name):
        unheard[GateFailedError.code] = GateFailedError
    if kind := unheard.get(details["code"]):
        reporter.report(kind(details["message"]), run=run.run_id, **subject(run.tags))
        reporter.flush()


def redo_untold(registry: WorkQueue, instance: DagsterInstance, run: DagsterRun) -> None:
    """Have a dub made once more that this run released, and failed before Dagster was told."""
    work = work_of(run.tags)
    made = {event.asset_key for event in _events(instance, run, MADE)}
    if work is not None and work.language is not None and r2_object.key not in made:
        registry.redo(work, run.run_id)


def stopped(run_id: str) -> Details:
    """The reason of a run that somebody stopped."""
    return RunStoppedError(
        f"The run {run_id[:8]} was stopped before it ended. Ask for it again to start anew."
    ).as_details()


def reason_of(instance: DagsterInstance, run: DagsterRun) -> Details:
    """The registry's `error_details` from a failed run's own event log.

    The first gate that did not pass, else the first step that failed, in its own words.
    """
    refusals = [refusal_of(event) for event in _events(instance, run, CHECKED)]
    refused: list[Details] = [refusal.as_details() for refusal in refusals if refusal is not None]
    found = refused or [_told(event) for event in _events(instance, run, FAILED)]
    return found[0] if found else _silent(run).as_details()


def _events(
    instance: DagsterInstance, run: DagsterRun, kind: DagsterEventType
) -> list[DagsterEvent]:
    return [entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=kind)]


def _told(event: DagsterEvent) -> Details:
    """What `assets/step/declaration.py` put into the failure, or what an unexpected one tells."""
    failure = event.step_failure_data.user_failure_data
    shown = failure.metadata.get("error") if failure else None
    if isinstance(shown, JsonMetadataValue) and isinstance(shown.value, dict):
        return shown.value
    error = event.step_failure_data.error
    return unexpected(
        str(event.step_key), detail=error.message[:2000] if error else None
    ).as_details()


def _silent(run: DagsterRun) -> DubError:
    return RunLostError(
        f"The run {run.run_id[:8]} ended without saying why: its process was stopped or ran out of "
        "memory. Ask for it again; if it happens again, look at the run in Dagster."
    )
