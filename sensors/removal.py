"""The removing sensor: what was made of a removed video or dub goes once no run works on it.

A run ends itself before its next step, because nobody asks for its work any more. Until the last
one has ended, the registry takes the same video in again for nobody, and has a dub that is asked
for again wait; so nothing here can meet what is made anew. A tick that is lost or killed half-way
is made good by the next one.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timezone

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    ResourceParam,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from assets.partitions import Target, remove_key, videos
from assets.step.telemetry import subject
from dub_platform.core.errors import VideoNotFoundError
from dub_platform.registry import Maintenance
from resources.catalogue.removal import Remover
from sensors.retention import deleted, runs_of
from sensors.waiting import wait_for

MOST_VIDEOS_A_TICK = 10
PAUSE_SECONDS = 1.0
# The name under which a video is held meanwhile: no run's.
HOLDER = "removal"


@sensor(
    description="Deletes what was made of removed videos and dubs, with their runs and "
    "partitions, once no run works on them. A tick waits up to 25 s for one to be removed.",
    minimum_interval_seconds=5,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_video_removed(
    context: SensorEvaluationContext,
    registry: ResourceParam[Maintenance],
    remover: ResourceParam[Remover],
) -> SkipReason:
    """Delete what was made of removed videos and dubs, and Dagster's records of it. It starts no
    run."""
    waiting = wait_for(lambda: _removed(registry), pause_seconds=PAUSE_SECONDS)
    gone = [each for each in waiting if _is_gone(each, registry, remover, context.instance)]
    return SkipReason(f"{len(gone)} of {len(waiting)} removed videos and dubs are gone.")


def _removed(registry: Maintenance) -> list[Target]:
    ids = registry.removals(limit=MOST_VIDEOS_A_TICK)
    pairs = registry.dub_removals(limit=MOST_VIDEOS_A_TICK)
    return [*(Target(each, None) for each in ids), *(Target(*pair) for pair in pairs)]


def _is_gone(
    target: Target, registry: Maintenance, remover: Remover, instance: DagsterInstance
) -> bool:
    if target.language is None:
        return cleared(target.video_id, registry, remover, instance)
    return cleared_dub(target.video_id, target.language, registry, remover, instance)


def cleared(
    video_id: str, registry: Maintenance, remover: Remover, instance: DagsterInstance
) -> bool:
    """Whether all of it is gone; False while a run of the video has not ended."""
    runs = _ended(instance, runs_of(instance, video_id))
    if runs is None:
        return False
    remover.clear(video_id)
    for run in runs:
        deleted(instance, run.run_id)
    # Before the registry takes the same video in again, which adds the key.
    remove_key(instance, videos, video_id)
    registry.removed(video_id)
    return True


def cleared_dub(
    video_id: str, language: str, registry: Maintenance, remover: Remover, instance: DagsterInstance
) -> bool:
    """Whether all of the dub is gone; False while a run of it has not ended, or one of the video
    or another dub is at a step, which may be about to release a film."""
    of_dub = [
        run for run in runs_of(instance, video_id) if subject(run.tags).get("language") == language
    ]
    runs = _ended(instance, of_dub)
    if runs is None or not _cleared_in_store(video_id, language, registry, remover):
        return False
    for run in runs:
        deleted(instance, run.run_id)
    registry.dub_removed(video_id, language)
    return True


def _cleared_in_store(
    video_id: str, language: str, registry: Maintenance, remover: Remover
) -> bool:
    # One that is removed as a whole meanwhile is not found, and goes as that.
    with contextlib.suppress(VideoNotFoundError):
        try:
            now = datetime.now(timezone.utc)
            if not registry.hold_all(video_id, HOLDER, now=now, at_rest=False):
                return False
            remover.clear_dub(video_id, language, registry.video(video_id).film_key)
        finally:
            registry.let_go_all(video_id, HOLDER)
        return True
    return False


def _ended(instance: DagsterInstance, runs: Sequence[DagsterRun]) -> list[DagsterRun] | None:
    """The runs as they are when those that waited are cancelled; None where one goes on."""
    for run in runs:
        if run.status is DagsterRunStatus.QUEUED:
            instance.report_run_canceled(run)
    found = [instance.get_run_by_id(run.run_id) for run in runs]
    there = [run for run in found if run is not None]
    return there if all(run.is_finished for run in there) else None
