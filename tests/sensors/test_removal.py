"""The removing sensor: all of a removed video goes, once no run works on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, SkipReason, build_sensor_context
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test

from assets.dub import translation
from dub_platform.core.cost import Caps, PaidCall
from dub_platform.registry import SqlRegistry, Work
from dub_platform.registry.ledger import PaidCalls
from resources.removal import Remover
from resources.store.local import LocalStore
from sensors.removal import cleared, on_video_removed
from tests.sensors.rows import VIDEO, begun, prepared

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
    """Media, values, releases, its answers, its run with its events; not the account.

    An answer that it paid for and another video uses stays.
    """
    run = begun(instance, WORK, translation.key)
    instance.report_run_failed(run)
    with build_sensor_context(
        instance, resources={"registry": removing, "remover": remover}
    ) as context:
        answer = on_video_removed(context)
    assert SkipReason("1 of 1 removed videos are gone.") == answer
    assert THEIRS == keys(remover)
    assert ([], []) == (list(removing.removals(limit=9)), instance.get_runs())
    assert [] == list(instance.fetch_materializations(translation.key, limit=9).records)
    assert {"es": pytest.approx(0.3)} == remover.calls.spent_usd(VIDEO)


def test_nothing_goes_while_a_run_works_on_it(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """It could write after that; and it ends by itself."""
    run = begun(instance, WORK)
    assert not cleared(VIDEO, removing, remover, instance)
    assert ITS | THEIRS == keys(remover)
    instance.report_run_failed(run)
    assert cleared(VIDEO, removing, remover, instance)
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
    assert cleared(VIDEO, removing, remover, instance)
    assert not instance.has_run(run.run_id)


def test_a_tick_that_was_cut_off_is_made_good(
    removing: SqlRegistry, remover: Remover, instance: DagsterInstance
) -> None:
    """What is gone is not missed."""
    remover.clear(VIDEO)
    assert cleared(VIDEO, removing, remover, instance)
