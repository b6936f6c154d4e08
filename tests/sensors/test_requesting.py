"""The requesting sensors: what the registry asks for, and nothing else."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    SensorDefinition,
    SensorResult,
    SkipReason,
    build_sensor_context,
)

from assets.step.tags import LANGUAGE, PARTITION, REQUEST, TITLE, priority_of, work_of
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work
from sensors import waiting
from sensors.requesting import MOST_RUNS_A_TICK, on_video_prepared, on_video_registered
from tests.sensors.rows import VIDEO, handed_in, prepared, released


def test_a_new_video_is_prepared_before_it_is_dubbed(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """The first tick requests one run, for the video itself."""
    handed_in(registry, "es", "ca")
    (request,) = _tick(registry, instance).run_requests or ()
    assert VIDEO == request.partition_key
    assert f"prepare:{VIDEO}:1" == request.run_key


def test_a_prepared_video_is_dubbed_once_for_each_language(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """One run for each language, with a key that carries its generation."""
    prepared(registry, "es", "ca")
    requests = _tick(registry, instance, on_video_prepared).run_requests or ()
    assert {f"dub:es:{VIDEO}:1", f"dub:ca:{VIDEO}:1"} == {r.run_key for r in requests}
    assert {f"ca|{VIDEO}", f"es|{VIDEO}"} == {str(r.partition_key) for r in requests}


def test_a_corrected_video_is_only_listened_to(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Its sound is there; a new one is fetched and decoded as well."""
    handed_in(registry, "es")
    (new,) = _tick(registry, instance).run_requests or ()
    prepared(registry, "es")
    registry.caption(VIDEO, f"videos/{VIDEO}/captions.srt")
    (again,) = _tick(registry, instance).run_requests or ()
    assert (None, [AssetKey("transcript")]) == (new.asset_selection, again.asset_selection)
    assert f"prepare:{VIDEO}:2" == again.run_key


def test_a_film_without_a_removed_dub_is_only_released(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Nothing of the dub that makes it is made again, and its run knows that."""
    prepared(registry, "es", "ca")
    for code in ("es", "ca"):
        released(registry, Work(VIDEO, code, 1), "run")
    registry.remove_dub(VIDEO, "es")
    (request,) = _tick(registry, instance, on_video_prepared).run_requests or ()
    assert (f"dub:ca:{VIDEO}:2", [AssetKey("r2_object")]) == (
        request.run_key,
        request.asset_selection,
    )
    work = work_of(request.tags)
    assert work is not None
    assert work.film_only


def test_a_run_is_tagged_with_the_request_that_asked(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """So that its lines, its calls and its failures can be told by the request's id."""
    prepared(registry, "es")
    registry.ask(VIDEO, "ca", request_id="req-7")
    requests = _tick(registry, instance, on_video_prepared).run_requests or ()
    asked = {r.tags[LANGUAGE]: r.tags.get(REQUEST) for r in requests}
    assert {"es": None, "ca": "req-7"} == asked


def test_a_run_is_listed_with_the_videos_title(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """On one line and cut; what else its tags say is shown to nobody who reads the list."""
    title = f"A morning\x1b at the harbor{' and on' * 20}"
    registry.accept(NewVideo(VIDEO, Source.YOUTUBE, title, request_id="req-7"), ["es"])
    (request,) = _tick(registry, instance).run_requests or ()
    shown = {name: text for name, text in request.tags.items() if not name.startswith(".dagster/")}
    assert {TITLE, "dagster/priority"} == shown.keys()
    assert "A morning at the harbor and on and on" in shown[TITLE]
    assert (True, "…") == (len(shown[TITLE]) <= 60, shown[TITLE][-1])


def test_a_video_that_is_removed_meanwhile_is_not_requested(
    registry: SqlRegistry, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its partition may be gone, and the tick would fail of it."""
    handed_in(registry, "es")
    claimed = registry.claim_videos(limit=1, now=datetime.now(timezone.utc))
    registry.remove(VIDEO)
    monkeypatch.setattr(SqlRegistry, "claim_videos", lambda *_, **__: claimed)
    assert [] == _tick(registry, instance).run_requests


def test_the_tick_adds_the_partition_keys_itself(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """An API that died between its two writes has lost nothing."""
    prepared(registry, "es")
    _tick(registry, instance, on_video_prepared)
    added = [list(instance.get_dynamic_partitions(name)) for name in ("videos", "languages")]
    assert [[VIDEO], ["es"]] == added


def test_what_was_requested_is_not_requested_by_the_next_tick(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """A claim holds for a while."""
    handed_in(registry, "es")
    _tick(registry, instance)
    skipped = _tick(registry, instance)
    assert not skipped.run_requests
    assert isinstance(skipped.skip_reason, SkipReason)
    assert "registry" in str(skipped.skip_reason.skip_message)


def test_a_failed_dub_that_is_asked_for_again_has_a_new_run_key(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """Dagster remembers the old key for ever."""
    prepared(registry, "es")
    (first,) = _tick(registry, instance, on_video_prepared).run_requests or ()
    work = Work(VIDEO, "es", 1)
    registry.fail(work, {"code": "engine_failed"}, now=datetime.now(timezone.utc))
    registry.ask(VIDEO, "es")
    (second,) = _tick(registry, instance, on_video_prepared).run_requests or ()
    assert (f"dub:es:{VIDEO}:1", f"dub:es:{VIDEO}:2") == (first.run_key, second.run_key)


def test_a_tick_requests_at_most_fifty_runs(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """A catalogue handed in at once comes in portions, and all of it comes."""
    for number in range(MOST_RUNS_A_TICK + 7):
        handed_in(registry, "es", video_id=f"video{number:06}")
    first = _tick(registry, instance).run_requests or ()
    second = _tick(registry, instance).run_requests or ()
    assert (MOST_RUNS_A_TICK, 7) == (len(first), len(second))
    assert not {r.run_key for r in first} & {r.run_key for r in second}


def test_a_tick_waits_for_work_instead_of_the_next_tick(
    registry: SqlRegistry, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video that comes while a tick is under way is requested by it."""
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 60.0)
    claims = iter([partial(handed_in, registry), partial(handed_in, registry, "es")])
    monkeypatch.setattr(waiting.time, "sleep", lambda _: next(claims)())  # type: ignore[attr-defined]
    (request,) = _tick(registry, instance).run_requests or ()
    assert f"prepare:{VIDEO}:1" == request.run_key


def test_what_was_handed_in_goes_before_what_an_operator_started(
    registry: SqlRegistry, instance: DagsterInstance
) -> None:
    """In Dagster's queue and in the workers' queue, where a smaller number goes first."""
    handed_in(registry, "es")
    (request,) = _tick(registry, instance).run_requests or ()
    by_hand = {PARTITION: VIDEO}
    assert int(request.tags["dagster/priority"]) > int(by_hand.get("dagster/priority", "0"))
    assert int(priority_of(request.tags)) < int(priority_of(by_hand))


def _tick(
    registry: SqlRegistry,
    instance: DagsterInstance,
    sensor: SensorDefinition = on_video_registered,
) -> SensorResult:
    with build_sensor_context(instance=instance, resources={"registry": registry}) as context:
        result = sensor(context)
    assert isinstance(result, SensorResult)
    return result
