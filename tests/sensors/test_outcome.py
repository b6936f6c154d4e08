"""The outcome sensors' reasons: from a run's event log to the words in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckResult,
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    asset,
    asset_check,
    build_run_status_sensor_context,
)
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import update

from assets.step.declaration import as_failure
from assets.step.tags import PARTITION, tags_of
from dub_platform.core.errors import NoSpeechError
from dub_platform.observability.reports import Reporter
from dub_platform.registry import DubStatus, SqlRegistry, VideoStatus, Work
from dub_platform.registry.database.tables import dubs
from dub_platform.registry.transactions.events import EventLog
from dub_platform.registry.transactions.leases import make_superseded_error
from sensors.outcome import (
    on_run_failed,
    reason_of,
    record_failure,
    redo_unrecorded,
    report_unreported,
    stopped_details,
)
from tests.sensors.rows import VIDEO, begun, handed_in, prepared, released, run_of
from tests.support.servers.sentry import SentryServer

NO_SPEECH = NoSpeechError("Nobody speaks.").as_details()


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")


def test_an_error_of_ours_keeps_its_code_and_sentence(instance: DagsterInstance) -> None:
    """What the step raised is what the registry gets."""

    @asset
    def silent() -> None:
        raise as_failure(NoSpeechError("No speech was found.", detail="0 spans"))

    reason = reason_of(instance, _ran(instance, Definitions(assets=[silent])))
    assert {
        "code": "media_no_speech",
        "message": "No speech was found.",
        "retryable": False,
        "detail": "0 spans",
    } == reason


def test_a_gate_that_did_not_pass_is_named_with_its_numbers(instance: DagsterInstance) -> None:
    """The check's own sentence reaches the person who asked for the dub."""

    @asset
    def track() -> None: ...

    @asset_check(asset=track, blocking=True)
    def track_fits() -> AssetCheckResult:
        return AssetCheckResult(passed=False, description="Lines [3] do not fit.")

    run = _ran(instance, Definitions(assets=[track], asset_checks=[track_fits]))
    reason = reason_of(instance, run)
    assert "gate_failed" == reason["code"]
    assert "The gate track_fits did not pass" in reason["message"]
    assert "Lines [3] do not fit." in reason["message"]


def test_a_bug_is_said_to_be_ours(instance: DagsterInstance) -> None:
    """An unexpected exception has a code of its own, and its words only in the detail."""

    @asset
    def broken() -> None:
        raise ZeroDivisionError("secret words")

    reason = reason_of(instance, _ran(instance, Definitions(assets=[broken])))
    assert "internal_error" == reason["code"]
    assert "secret words" not in reason["message"]


def test_a_run_that_vanished_is_reported(instance: DagsterInstance, registry: SqlRegistry) -> None:
    """No step of it could."""
    run = run_of(instance, Work(VIDEO, "es", 1), DagsterRunStatus.STARTED)
    failed = instance.report_run_failed(run)
    with SentryServer() as sentry:
        context = build_run_status_sensor_context(
            sensor_name="on_run_failed",
            dagster_event=failed,
            dagster_instance=instance,
            dagster_run=instance.get_run_by_id(run.run_id),  # type: ignore[arg-type]
            resources={"registry": registry, "reporter": Reporter(sentry.dsn)},
        ).for_run_failure()
        on_run_failed(context)
        [event] = sentry.events(1)
    assert ["run_lost"] == event["fingerprint"]
    told = {name: event["tags"][name] for name in ("video", "language", "run")}
    assert {"video": VIDEO, "language": "es", "run": run.run_id} == told


@pytest.mark.parametrize(
    ("job_name", "code", "reported"),
    [
        ("__ASSET_JOB", "gate_failed", True),
        ("dub_video", "gate_failed", False),
        ("__ASSET_JOB", "media_no_speech", False),
    ],
)
def test_what_a_hook_heard_is_not_reported_again(job_name: str, code: str, reported: bool) -> None:
    """A gate has one in the jobs alone, and a step always."""
    heard: list[Mapping[str, Any]] = []

    class Ear(Reporter):
        def report(self, error: BaseException, **tags: str | None) -> None:
            heard.append({"error": error, **tags})

    details = {"code": code, "message": "It did not pass.", "retryable": False}
    report_unreported(Ear(), DagsterRun(job_name=job_name), details)
    assert reported == bool(heard)


def test_a_run_that_vanished_without_a_word_is_lost(instance: DagsterInstance) -> None:
    """A killed process leaves no failed step."""
    run = run_of(instance, Work(VIDEO, None, 1), DagsterRunStatus.FAILURE)
    reason = reason_of(instance, run)
    assert ("run_lost", True) == (reason["code"], reason["retryable"])


def test_a_failed_run_fails_its_row(registry: SqlRegistry, instance: DagsterInstance) -> None:
    """And the dubs that waited for the video fail with the same reason."""
    handed_in(registry, "es")
    work = Work(VIDEO, None, 1)
    registry.begin_work(work, "r")
    run = run_of(instance, work, DagsterRunStatus.FAILURE)
    record_failure(registry, instance, run, NoSpeechError("Nobody speaks.").as_details())
    assert VideoStatus.FAILED is registry.video(VIDEO).status
    assert DubStatus.FAILED is registry.dub(VIDEO, "es").status


def test_what_an_operator_fails_at_is_told(
    registry: SqlRegistry, instance: DagsterInstance, log: EventLog
) -> None:
    """A run by hand for a failed video or dub gives its own reason, to those who listen as well."""
    handed_in(registry, "es")
    for work in (Work(VIDEO, None, 1), Work(VIDEO, "es", 1)):
        registry.fail(work, {"code": "source_unreachable"}, now=datetime.now(timezone.utc))
    before = log.newest()
    for key in (VIDEO, f"es|{VIDEO}"):
        record_failure(registry, instance, _by_hand(instance, key), NO_SPEECH)
    told = [(each.type, each.language, each.error) for each in log.since(before, limit=9)]
    assert [("video.failed", None, NO_SPEECH), ("dub.failed", "es", NO_SPEECH)] == told
    for row in (registry.video(VIDEO), registry.dub(VIDEO, "es")):
        assert row.error_details
        assert "media_no_speech" == row.error_details["code"]


def test_an_operators_experiment_takes_no_release_away(
    registry: SqlRegistry, instance: DagsterInstance, log: EventLog
) -> None:
    """What is prepared or released stays as it is, and no message is sent."""
    prepared(registry, "es")
    released(registry, Work(VIDEO, "es", 1), "a-run")
    before = registry.video(VIDEO), registry.dub(VIDEO, "es"), log.newest()
    for key in (VIDEO, f"es|{VIDEO}"):
        record_failure(registry, instance, _by_hand(instance, key), NO_SPEECH)
    video, dub = registry.video(VIDEO), registry.dub(VIDEO, "es")
    assert (VideoStatus.PREPARED, DubStatus.RELEASED) == (video.status, dub.status)
    assert before == (video, dub, log.newest())


@pytest.mark.parametrize("status", ["queued", "running", "failed since"])
def test_a_run_by_hand_says_nothing_of_anothers_work(
    registry: SqlRegistry, instance: DagsterInstance, status: str
) -> None:
    """The platform's own run waits, is at it, or was asked for after this one had begun."""
    prepared(registry, "es")
    run, work = _by_hand(instance, f"es|{VIDEO}"), Work(VIDEO, "es", 1)
    if status == "running":
        registry.begin_work(work, "its-run")
    if status == "failed since":
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        statement = update(dubs).values(status=DubStatus.FAILED, queued_at=later)
        with registry._engine.begin() as connection:
            connection.execute(statement)
    before = registry.dub(VIDEO, "es")
    record_failure(registry, instance, run, NO_SPEECH)
    assert before == registry.dub(VIDEO, "es")


def test_a_run_of_ones_own_that_is_stopped_is_told_to_nobody(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Whoever stopped it knows, and the reason why the dub is not there is another."""
    prepared(registry, "es")
    reason = {"code": "engine_failed"}
    registry.fail(Work(VIDEO, "es", 1), reason, now=datetime.now(timezone.utc))
    run = _by_hand(instance, f"es|{VIDEO}")
    record_failure(registry, instance, run, stopped_details(run.run_id))
    assert reason == registry.dub(VIDEO, "es").error_details


def test_a_run_by_hand_of_what_nobody_asked_for_fails_alone(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """There is no row, and upkeep has no video."""
    for run in (_by_hand(instance, f"ca|{VIDEO}"), DagsterRun(job_name="remove_leftovers")):
        record_failure(registry, instance, run, NO_SPEECH)
    assert [] == list(registry.videos().videos)


def test_a_late_failure_of_an_old_generation_changes_nothing(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """The dub was asked for again in the meantime."""
    prepared(registry, "es")
    old = Work(VIDEO, "es", 1)
    registry.fail(old, {"code": "engine_failed"}, now=datetime.now(timezone.utc))
    registry.ask(VIDEO, "es")
    record_failure(
        registry, instance, run_of(instance, old, DagsterRunStatus.FAILURE), {"code": "late"}
    )
    assert DubStatus.QUEUED is registry.dub(VIDEO, "es").status


def test_work_whose_run_was_killed_is_queued_again(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Nobody has to ask again for what a machine lost."""
    prepared(registry, "es")
    run = begun(instance, Work(VIDEO, "es", 1))
    instance.report_run_failed(run)
    record_failure(registry, instance, run, reason_of(instance, run))
    dub = registry.dub(VIDEO, "es")
    assert (DubStatus.QUEUED, 2, None) == (dub.status, dub.generation, dub.error_details)


def test_work_whose_runs_never_begin_is_not_failed(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """However often a busy machine throws its launch away, and the row says why it waits."""
    prepared(registry, "es")
    for generation in range(1, 20):
        run = run_of(instance, Work(VIDEO, "es", generation), DagsterRunStatus.STARTING)
        instance.report_run_failed(run)
        record_failure(registry, instance, run, reason_of(instance, run))
    dub = registry.dub(VIDEO, "es")
    assert (DubStatus.QUEUED, 20) == (dub.status, dub.generation)
    assert dub.error_details
    assert "machine_busy" == dub.error_details["code"]


@pytest.mark.parametrize(
    ("made", "expected"),
    [("r2_object", (DubStatus.RELEASED, 1)), ("dubbed_track", (DubStatus.QUEUED, 2))],
)
def test_a_release_that_dagster_was_not_told_of_is_made_once_more(
    registry: SqlRegistry, instance: DagsterInstance, made: str, expected: tuple[DubStatus, int]
) -> None:
    """The run released, and failed before its materialization was written."""
    work = Work(VIDEO, "es", 1)
    prepared(registry, "es")
    run = begun(instance, work, AssetKey(made))
    released(registry, work, run.run_id)
    redo_unrecorded(registry, instance, run)
    dub = registry.dub(VIDEO, "es")
    assert expected == (dub.status, dub.generation)


def test_a_run_that_gave_way_to_another_says_nothing_of_its_work(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """The other one is at it."""
    prepared(registry, "es")
    run = run_of(instance, Work(VIDEO, "es", 1), DagsterRunStatus.FAILURE)
    record_failure(registry, instance, run, make_superseded_error(VIDEO, "es").as_details())
    assert DubStatus.QUEUED is registry.dub(VIDEO, "es").status


def _by_hand(instance: DagsterInstance, key: str) -> DagsterRun:
    """A run of this partition that an operator started in the UI."""
    language, _, video = key.rpartition("|")
    dimensions = {f"{PARTITION}/video": video, f"{PARTITION}/language": language}
    tags = {PARTITION: key, **(dimensions if language else {})}
    return create_run_for_test(instance, "__ASSET_JOB", tags=tags, status=DagsterRunStatus.FAILURE)


def _ran(instance: DagsterInstance, defs: Definitions) -> DagsterRun:
    job: Any = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, raise_on_error=False, tags=tags_of(Work(VIDEO, None, 1))
    )
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status is DagsterRunStatus.FAILURE
    return run
