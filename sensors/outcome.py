"""The outcome sensors: record why a run failed or was stopped.

The last step of a run records its success. A status sensor sees a run at most once, so
`reconciling.py` handles what these sensors miss.
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
from assets.step.telemetry import make_internal_error, refusal_of, subject
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
# People wait for the reason, so this is shorter than Dagster's default of 30 s.
SECONDS_BETWEEN = 15
# SQLite stores the creation time of runs in whole seconds.
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
    report_unreported(reporter, context.dagster_run, reason)
    record_failure(registry, context.instance, context.dagster_run, reason)
    redo_unrecorded(registry, context.instance, context.dagster_run)


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
    record_failure(registry, context.instance, run, stopped_details(run.run_id))


def record_failure(
    registry: WorkQueue, instance: DagsterInstance, run: DagsterRun, details: Details
) -> None:
    """Record the reason for the run's work, or for the target of an operator's own run.

    Work whose run ended without a reason is queued once more, because its process or machine was
    killed. If the run never began, its work waits for a while. Nothing is recorded for a run that
    gave way to another one.
    """
    if details["code"] == RunSupersededError.code:
        return
    work = work_of(run.tags)
    now, told = datetime.now(timezone.utc), {**details, "run_id": run.run_id}
    if work is None:
        _record_operators_run(registry, instance, run, told, now)
    elif details["code"] != RunLostError.code:
        registry.fail(work, told, now=now)
    elif has_begun(instance, run):
        registry.requeue_lost(work, told, now=now)
    else:
        registry.postpone(work, machine_is_busy(), now=now)


def _record_operators_run(
    registry: WorkQueue, instance: DagsterInstance, run: DagsterRun, details: Details, now: datetime
) -> None:
    record, target = instance.get_run_record_by_id(run.run_id), subject(run.tags)
    # An operator who stops their own run knows the reason.
    if record is None or "video" not in target or details["code"] == RunStoppedError.code:
        return
    registry.fail_by_hand(
        target["video"],
        target.get("language"),
        details,
        began=record.create_timestamp + CREATED_TO,
        now=now,
    )


def has_begun(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the run's process got far enough to report its start."""
    record = instance.get_run_record_by_id(run.run_id)
    return record is not None and record.start_time is not None


def machine_is_busy() -> Details:
    """Return the reason to record for work whose run could not begin."""
    return MachineBusyError(
        "The machine is busy: the process for this work could not begin. It is tried again by "
        "itself after a pause, and nothing needs to be asked for again."
    ).as_details()


def report_unreported(reporter: Reporter, run: DagsterRun, details: Details) -> None:
    """Report failures that no hook of a step could report.

    These are a vanished run, and a failed gate in a run of none of our jobs.
    """
    unheard: dict[str, type[DubError]] = {RunLostError.code: RunLostError}
    if run.job_name not in (prepare_video.name, dub_video.name):
        unheard[GateFailedError.code] = GateFailedError
    if kind := unheard.get(details["code"]):
        reporter.report(kind(details["message"]), run=run.run_id, **subject(run.tags))
        reporter.flush()


def redo_unrecorded(registry: WorkQueue, instance: DagsterInstance, run: DagsterRun) -> None:
    """Request a dub again if this run released it but failed before Dagster recorded that."""
    work = work_of(run.tags)
    made = {event.asset_key for event in _events(instance, run, MADE)}
    if work is not None and work.language is not None and r2_object.key not in made:
        registry.redo(work, run.run_id)


def stopped_details(run_id: str) -> Details:
    """Return the reason to record for a run that somebody stopped."""
    return RunStoppedError(
        f"The run {run_id[:8]} was stopped before it ended. Ask for it again to start anew."
    ).as_details()


def reason_of(instance: DagsterInstance, run: DagsterRun) -> Details:
    """Return the registry's `error_details` for a failed run, read from its event log.

    It is the first gate that failed, else the first step that failed, in that step's own words.
    """
    refusals = [refusal_of(event) for event in _events(instance, run, CHECKED)]
    refused: list[Details] = [refusal.as_details() for refusal in refusals if refusal is not None]
    found = refused or [_details_of(event) for event in _events(instance, run, FAILED)]
    return found[0] if found else _lost_run(run).as_details()


def _events(
    instance: DagsterInstance, run: DagsterRun, kind: DagsterEventType
) -> list[DagsterEvent]:
    return [entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=kind)]


def _details_of(event: DagsterEvent) -> Details:
    """Return the details that `assets/step/declaration.py` attached to the failure, or generic
    ones."""
    failure = event.step_failure_data.user_failure_data
    shown = failure.metadata.get("error") if failure else None
    if isinstance(shown, JsonMetadataValue) and isinstance(shown.value, dict):
        return shown.value
    error = event.step_failure_data.error
    return make_internal_error(
        str(event.step_key), detail=error.message[:2000] if error else None
    ).as_details()


def _lost_run(run: DagsterRun) -> DubError:
    return RunLostError(
        f"The run {run.run_id[:8]} ended without saying why: its process was stopped or ran out of "
        "memory. Ask for it again; if it happens again, look at the run in Dagster."
    )
