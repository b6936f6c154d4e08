"""The reconciler: rows whose run ended without them are put right, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    SkipReason,
    build_sensor_context,
)

from dub_platform.core.style.wording import Wording
from dub_platform.registry import DubStatus, SqlRegistry, VideoStatus, Work
from dub_platform.settings import POOLS, Settings
from sensors.pools import PoolLimits
from sensors.reconciling import on_run_lost, reconcile
from tests.sensors.rows import VIDEO, begun, handed_in, prepared, released, run_of

WORK = Work(VIDEO, "es", 1)
LATER = datetime.now(timezone.utc) + timedelta(minutes=30)


@pytest.fixture
def running(registry: SqlRegistry) -> SqlRegistry:
    """A registry in which the dub in Spanish is being made."""
    prepared(registry, "es")
    registry.begin_work(WORK, "a-run")
    return registry


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (DagsterRunStatus.CANCELED, "run_stopped"),
        (DagsterRunStatus.SUCCESS, "internal_error"),
    ],
)
def test_a_row_whose_run_has_ended_fails(
    running: SqlRegistry, instance: DagsterInstance, status: DagsterRunStatus, code: str
) -> None:
    """A status sensor that missed the run is made good, with a reason."""
    run_of(instance, WORK, status)
    assert 1 == reconcile(running, instance, LATER)
    dub = running.dub(VIDEO, "es")
    assert DubStatus.FAILED is dub.status
    assert dub.error_details
    assert code == dub.error_details["code"]


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE])
def test_work_that_nobody_is_at_is_queued_again(
    running: SqlRegistry, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    """Whether Dagster knows by now that the run is gone or not; afterwards it does."""
    run = run_of(instance, WORK, status)
    assert 1 == reconcile(running, instance, LATER)
    dub = running.dub(VIDEO, "es")
    assert (DubStatus.QUEUED, 2) == (dub.status, dub.generation)
    gone = instance.get_run_by_id(run.run_id)
    assert gone
    assert DagsterRunStatus.FAILURE is gone.status


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
def test_a_row_whose_run_goes_on_is_left_alone(
    running: SqlRegistry, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    """Long is not lost, as long as somebody renews the lease."""
    run_of(instance, WORK, status)
    running.hold(VIDEO, "es", "a-run", now=LATER)
    assert 0 == reconcile(running, instance, LATER)
    assert DubStatus.RUNNING is running.dub(VIDEO, "es").status


def test_a_run_that_waits_for_its_turn_is_left_alone(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """It was launched, and a worker will come to it."""
    prepared(registry, "es")
    registry.claim_dubs(limit=1, now=LATER)
    run_of(instance, WORK, DagsterRunStatus.STARTING)
    assert 0 == reconcile(registry, instance, LATER)


def test_a_film_that_a_failed_run_owes_is_asked_for_again(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """A dub was removed while the other one was being made anew, which then fails."""
    prepared(registry, "ca", "es")
    for language in ("ca", "es"):
        released(registry, Work(VIDEO, language, 1), "a-run")
    registry.ask(VIDEO, "ca", Wording(formality="formal"))
    registry.begin_work(Work(VIDEO, "ca", 2), "another-run")
    registry.remove_dub(VIDEO, "es")
    assert 0 == reconcile(registry, instance, datetime.now(timezone.utc))
    run_of(instance, Work(VIDEO, "ca", 2), DagsterRunStatus.CANCELED)
    assert 2 == reconcile(registry, instance, LATER)
    dub = registry.dub(VIDEO, "ca")
    assert (DubStatus.QUEUED, True) == (dub.status, dub.film_only)


def test_a_row_is_given_time_before_it_is_judged(
    running: SqlRegistry, instance: DagsterInstance
) -> None:
    """The outcome sensors come first."""
    run_of(instance, WORK, DagsterRunStatus.FAILURE)
    assert 0 == reconcile(running, instance, datetime.now(timezone.utc))


def test_a_row_whose_run_was_deleted_is_queued_again(
    running: SqlRegistry, instance: DagsterInstance
) -> None:
    """Its old run key is spent, so it goes up a generation."""
    assert 1 == reconcile(running, instance, LATER)
    dub = running.dub(VIDEO, "es")
    assert (DubStatus.QUEUED, 2) == (dub.status, dub.generation)


def test_a_waiting_row_without_a_run_is_the_sensors(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """It is requested by a tick, not here."""
    prepared(registry, "es")
    assert 0 == reconcile(registry, instance, LATER)
    assert 1 == registry.dub(VIDEO, "es").generation


def test_the_run_of_the_video_is_not_taken_for_its_dubs(
    running: SqlRegistry, instance: DagsterInstance
) -> None:
    """A failed preparation says nothing of a dub that is being made."""
    run_of(instance, Work(VIDEO, None, 1), DagsterRunStatus.FAILURE)
    run_of(instance, WORK, DagsterRunStatus.STARTING)
    assert 0 == reconcile(running, instance, LATER)


def test_the_run_of_a_video_is_found_behind_those_of_any_number_of_dubs(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """All of them have the video and the generation among their tags."""
    handed_in(registry, "es")
    preparing = Work(VIDEO, None, 1)
    registry.begin_work(preparing, "a-run")
    run_of(instance, preparing, DagsterRunStatus.CANCELED)
    for language in ("ca", "de", "en", "es", "eu", "fr", "gl", "it", "ja", "nl", "pt", "ro"):
        run_of(instance, Work(VIDEO, language, 1), DagsterRunStatus.STARTING)
    assert 1 == reconcile(registry, instance, LATER)
    video = registry.video(VIDEO)
    assert VideoStatus.FAILED is video.status
    assert "run_stopped" == (video.error_details or {})["code"]


def test_a_run_that_died_after_its_release_is_ended(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """All of it was told, so nothing is done again; only Dagster did not know that it was over."""
    prepared(registry, "es")
    run = begun(instance, WORK, AssetKey("r2_object"))
    released(registry, WORK, run.run_id)
    reconcile(registry, instance, LATER)
    assert DagsterRunStatus.FAILURE is status_of(instance, run)
    assert (DubStatus.RELEASED, 1) == state(registry)


def test_a_release_that_dagster_never_heard_of_is_made_once_more(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Its run died between the registry and what comes after: pointer, value, materialization."""
    prepared(registry, "es")
    run = begun(instance, WORK, AssetKey("dubbed_track"))
    released(registry, WORK, run.run_id)
    reconcile(registry, instance, LATER)
    assert DagsterRunStatus.FAILURE is status_of(instance, run)
    assert (DubStatus.QUEUED, 2) == state(registry)


def test_a_run_that_still_says_something_is_left_alone(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Between two steps it holds no lease, and after the last one neither."""
    prepared(registry, "es")
    run = begun(instance, WORK)
    released(registry, WORK, run.run_id)
    reconcile(registry, instance, datetime.now(timezone.utc) + timedelta(seconds=30))
    assert DagsterRunStatus.STARTED is status_of(instance, run)


def test_a_run_that_renews_its_lease_is_left_alone(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """However long it says nothing."""
    prepared(registry, "es")
    run = begun(instance, WORK)
    registry.hold(VIDEO, "es", run.run_id, now=LATER)
    reconcile(registry, instance, LATER)
    assert DagsterRunStatus.STARTED is status_of(instance, run)


def test_a_run_on_no_partition_is_left_alone(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """What tidies up holds the leases of one video after the other."""
    run = run_of(instance, WORK, DagsterRunStatus.STARTED)
    reconcile(registry, instance, LATER)
    assert DagsterRunStatus.STARTED is status_of(instance, run)


def status_of(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    """What Dagster says of the run by now."""
    now = instance.get_run_by_id(run.run_id)
    assert now
    return now.status


def state(registry: SqlRegistry) -> tuple[DubStatus, int]:
    """The dub's status and generation."""
    dub = registry.dub(VIDEO, "es")
    return dub.status, dub.generation


def test_the_sensor_starts_no_run_itself(registry: SqlRegistry, instance: DagsterInstance) -> None:
    """It says how many rows it put right, and leaves the rest to the others."""
    with build_sensor_context(
        instance, resources={"registry": registry, "pools": PoolLimits({})}
    ) as context:
        answer = on_run_lost(context)
    assert isinstance(answer, SkipReason)
    assert "0 rows were put right." == answer.skip_message


def test_the_first_tick_sets_the_limits_of_pools(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """As the settings have them; what somebody changes after that holds until the next start."""
    settings = Settings.model_validate({"pools": "speech=5, transcribe=1"})
    storage, pools = instance.event_log_storage, PoolLimits(settings.pool_limits)

    def tick() -> dict[str, int]:
        with build_sensor_context(
            instance, resources={"registry": registry, "pools": pools}
        ) as context:
            on_run_lost(context)
        return {name: storage.get_concurrency_info(name).slot_count for name in POOLS}

    unset = {"download": 0, "translate": 0}
    assert {**unset, "speech": 5, "transcribe": 1} == tick()
    storage.set_concurrency_slots("speech", 2)
    assert {**unset, "speech": 2, "transcribe": 1} == tick()
