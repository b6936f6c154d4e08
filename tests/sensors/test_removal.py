"""The removing sensor: all of a removed video goes, once no run works on it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, SkipReason, build_sensor_context
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import update

from assets.dub import translation
from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.registry import SqlRegistry, Work
from dub_platform.registry.database.tables import videos
from dub_platform.registry.ledger import PaidCalls
from resources.catalogue.removal import Remover
from resources.catalogue.retention import Gone, Kind
from resources.store.local import LocalStore
from sensors.removal import clear_dub, clear_video, on_video_removed
from sensors.requesting import on_video_registered
from sensors.retention import stray_keys
from tests.sensors.rows import VIDEO, begun, handed_in, prepared, released, run_of

OTHER = "aaaaaaaaaaa"
BOUGHT, OTHERS, SHARED = "b" * 64, "c" * 64, "d" * 64
WORK = Work(VIDEO, "es", 1)
THEIRS = {
    f"videos/{OTHER}/transcript.json",
    f"releases/{OTHER}/es/current.json",
    f"translations/cc/{OTHERS}.json",
    f"translations/dd/{SHARED}.json",
    "takes/0a/0a.flac",
}
ITS = {
    f"videos/{VIDEO}/upload.media",
    f"videos/{VIDEO}/dubs/es/speech.json",
    f"releases/{VIDEO}/es/1/track.m4a",
    f"releases/{VIDEO}/es/current.json",
    f"translations/bb/{BOUGHT}.json",
}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path / "store", "http://dub.test/media")
    for key in ITS | THEIRS:
        made.put_bytes(key, b"{}")
    return made


@pytest.fixture
def remover(store: LocalStore, tmp_path: Path) -> Remover:
    calls = PaidCalls.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    calls.open(PaidCall(VIDEO, "es", "translator", "gpt", BOUGHT, "batch 1", 0.1), Caps())
    calls.open(PaidCall(VIDEO, "es", "voice", "eleven", "0a" * 32, "line 1", 0.1), Caps())
    calls.open(PaidCall(VIDEO, "es", "translator", "gpt", SHARED, "batch 2", 0.1), Caps())
    calls.open(PaidCall(OTHER, "es", "translator", "gpt", OTHERS, "batch 1", 0.1), Caps())
    for video_id, used in ((VIDEO, BOUGHT), (VIDEO, SHARED), (OTHER, SHARED), (OTHER, OTHERS)):
        calls.use("translator", used, video_id)
    return Remover(store, calls)


@pytest.fixture
def removing(registry: SqlRegistry) -> SqlRegistry:
    """A registry whose video was removed."""
    prepared(registry, "es")
    registry.remove(VIDEO)
    return registry


def keys(remover: Remover) -> set[str]:
    return {kept.key for kept in remover.store.keys("")}


def test_all_of_it_goes_and_nothing_else(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """Media, values, releases, its answers, its run with its events, its key; not the account.

    An answer that it paid for and another video uses stays.
    """
    run = begun(instance, WORK, translation.key)
    instance.report_run_failed(run)
    instance.add_dynamic_partitions("videos", [VIDEO, OTHER])
    with build_sensor_context(
        instance, resources={"registry": removing, "remover": remover}
    ) as context:
        answer = on_video_removed(context)
    assert SkipReason("1 of 1 removed videos and dubs are gone.") == answer
    assert THEIRS == keys(remover)
    assert ([], []) == (list(removing.removals(limit=9)), instance.get_runs())
    assert [OTHER] == list(instance.get_dynamic_partitions("videos"))
    assert [] == list(instance.fetch_materializations(translation.key, limit=9).records)
    assert {"es": pytest.approx(0.3)} == remover.calls.spent_usd(VIDEO)


def test_nothing_goes_while_a_run_works_on_it(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """It could write after that; and it ends by itself."""
    run = begun(instance, WORK)
    assert not clear_video(VIDEO, removing, remover, instance)
    assert ITS | THEIRS == keys(remover)
    instance.report_run_failed(run)
    assert clear_video(VIDEO, removing, remover, instance)
    assert THEIRS == keys(remover)


def test_a_run_that_waits_is_not_waited_for(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """It has nothing to do any more."""
    run = create_run_for_test(
        instance,
        status=DagsterRunStatus.QUEUED,
        tags={"dagster/partition/video": VIDEO},
        remote_job_origin=RemoteJobOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("code"), "all"), "dub_video"
        ),
    )
    assert clear_video(VIDEO, removing, remover, instance)
    assert not instance.has_run(run.run_id)


def test_a_tick_that_was_cut_off_is_made_good(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """What is gone is not missed."""
    remover.clear(VIDEO)
    assert clear_video(VIDEO, removing, remover, instance)


def test_a_video_that_is_handed_in_again_has_its_partition_again(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """Its first tick adds the key."""
    instance.add_dynamic_partitions("videos", [VIDEO])
    assert clear_video(VIDEO, removing, remover, instance)
    handed_in(removing, "es")
    with build_sensor_context(instance, resources={"registry": removing}) as context:
        on_video_registered(context)
    assert [VIDEO] == list(instance.get_dynamic_partitions("videos"))


@pytest.mark.parametrize("dry_run", [True, False])
def test_keys_that_nobody_asked_for_go_at_night(
    registry: SqlRegistry, instance: DagsterInstance, dry_run: bool
) -> None:
    """One typed in the UI goes; a video's stays, and so does one that a run is at."""
    handed_in(registry, "es")
    instance.add_dynamic_partitions("videos", ["typed", VIDEO, OTHER])
    run_of(instance, Work(OTHER, None, 1), DagsterRunStatus.STARTED)
    gone = list(stray_keys(instance, registry, dry_run=dry_run))
    assert [Gone(Kind.PARTITIONS)] == gone
    kept = {VIDEO, OTHER} | ({"typed"} if dry_run else set())
    assert kept == set(instance.get_dynamic_partitions("videos"))


def test_a_backfill_under_way_keeps_its_keys(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """It would fail as a whole; the video goes all the same, and the key in the night after it."""
    instance.add_dynamic_partitions("videos", [VIDEO])
    backfill = PartitionBackfill("b", BulkActionStatus.REQUESTED, False, {}, 0.0)
    instance.add_backfill(backfill)
    assert clear_video(VIDEO, removing, remover, instance)
    assert [] == list(stray_keys(instance, removing, dry_run=False))
    assert [VIDEO] == list(instance.get_dynamic_partitions("videos"))
    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))  # type: ignore[no-untyped-call]
    assert [Gone(Kind.PARTITIONS)] == list(stray_keys(instance, removing, dry_run=False))
    assert [] == list(instance.get_dynamic_partitions("videos"))


def test_a_video_that_comes_while_its_key_goes_has_it_again(
    registry: SqlRegistry, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was handed in after the look whether anybody had asked for it."""
    instance.add_dynamic_partitions("videos", [VIDEO])
    remove = DagsterInstance.delete_dynamic_partition

    def remove_late(self: DagsterInstance, name: str, key: str) -> None:
        handed_in(registry, "es", video_id=key)
        remove(self, name, key)

    monkeypatch.setattr(DagsterInstance, "delete_dynamic_partition", remove_late)
    list(stray_keys(instance, registry, dry_run=False))
    assert [VIDEO] == list(instance.get_dynamic_partitions("videos"))


OF_DUB = {
    f"videos/{VIDEO}/dubs/es/speech.json",
    f"releases/{VIDEO}/es/1/track.m4a",
    f"releases/{VIDEO}/es/current.json",
}
FILMS = {f"releases/{VIDEO}/film/{name}" for name in ("1.mp4", "1.json", "2.mp4", "2.json")}


@pytest.fixture
def without_spanish(registry: SqlRegistry, remover: Remover) -> SqlRegistry:
    """A registry of whose video the Spanish dub was removed."""
    prepared(registry, "es", "ca")
    registry.remove_dub(VIDEO, "es")
    for key in FILMS:
        remover.store.put_bytes(key, b"film")
    return registry


def test_of_a_removed_dub_all_goes_and_nothing_else(
    without_spanish: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """Its values, releases and runs, and films in which it may be; not the others', nor the key."""
    runs = [begun(instance, Work(VIDEO, code, 1), translation.key) for code in ("es", "ca")]
    for run in runs:
        instance.report_run_failed(run)
    instance.add_dynamic_partitions("videos", [VIDEO])
    with build_sensor_context(
        instance, resources={"registry": without_spanish, "remover": remover}
    ) as context:
        answer = on_video_removed(context)
    assert SkipReason("1 of 1 removed videos and dubs are gone.") == answer
    assert (ITS | THEIRS) - OF_DUB == keys(remover)
    assert [runs[1].run_id] == [run.run_id for run in instance.get_runs()]
    assert [VIDEO] == list(instance.get_dynamic_partitions("videos"))
    assert [] == list(without_spanish.dub_removals(limit=9))


def test_the_film_that_is_current_stays(
    without_spanish: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """It was made without the dub."""
    released(without_spanish, Work(VIDEO, "ca", 1), "run")
    current = remover.store.keys(f"releases/{VIDEO}/film/2.")
    made = {each.key for each in current}
    with without_spanish._engine.begin() as connection:
        connection.execute(update(videos).values(film_key=f"releases/{VIDEO}/film/2.mp4"))
    assert clear_dub(VIDEO, "es", without_spanish, remover, instance)
    assert made == keys(remover) & FILMS


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_dub_does_not_go_while_a_run_is_at_it(
    without_spanish: SqlRegistry, remover: Remover, instance: DagsterInstance, by_hand: bool
) -> None:
    """Whoever started it; one that waits is cancelled, and one of another dub goes on."""
    tags = {"dagster/partition/video": VIDEO, "dagster/partition/language": "es"}
    run = begun(instance, WORK)
    if by_hand:
        run = create_run_for_test(instance, status=DagsterRunStatus.STARTED, tags=tags)
    begun(instance, Work(VIDEO, "ca", 1))
    assert not clear_dub(VIDEO, "es", without_spanish, remover, instance)
    assert keys(remover) >= OF_DUB
    for each in instance.get_runs():
        if each.run_id == run.run_id or not by_hand:
            instance.report_run_failed(each)
    if by_hand:
        [requested] = [
            each for each in instance.get_runs() if each.tags.get("dub/language") == "es"
        ]
        instance.report_run_failed(requested)
    assert clear_dub(VIDEO, "es", without_spanish, remover, instance)
    assert not keys(remover) & OF_DUB


def test_a_dub_does_not_go_while_a_film_may_be_released(
    without_spanish: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """It could be one of those that go."""
    now = datetime.now(timezone.utc)
    assert without_spanish.hold(VIDEO, "ca", "a-run", now=now)
    assert not clear_dub(VIDEO, "es", without_spanish, remover, instance)
    assert keys(remover) >= FILMS
    without_spanish.let_go(VIDEO, "ca", "a-run")
    assert clear_dub(VIDEO, "es", without_spanish, remover, instance)
    # Nor is it held any longer.
    assert without_spanish.hold(VIDEO, "ca", "a-run", now=now)


def test_a_dub_whose_video_is_removed_meanwhile_goes_with_that(
    without_spanish: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """There is nothing left to do of it alone."""
    without_spanish.remove(VIDEO)
    assert not clear_dub(VIDEO, "es", without_spanish, remover, instance)
    assert [] == list(without_spanish.dub_removals(limit=9))
    assert clear_video(VIDEO, without_spanish, remover, instance)
    assert THEIRS == keys(remover)
