"""The removing sensor: deletes what was made of a removed video or dub, once no run works on it.

A run ends before its next step once its work is removed. Until the last run has ended, the registry
refuses to accept the same video again, and lets a dub that is requested again wait; so nothing new
can be deleted by mistake. A lost tick is made up for by the next one.
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
from sensors.retention import delete_run, runs_of
from sensors.waiting import wait_for

MOST_VIDEOS_A_TICK = 10
PAUSE_SECONDS = 1.0
# The lease holder's name during a removal; it is no run's id.
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
    """Delete what was made of removed videos and dubs, with Dagster's records. Starts no run."""
    waiting = wait_for(lambda: _find_removals(registry), pause_seconds=PAUSE_SECONDS)
    gone = [each for each in waiting if _clear_target(each, registry, remover, context.instance)]
    return SkipReason(f"{len(gone)} of {len(waiting)} removed videos and dubs are gone.")


def _find_removals(registry: Maintenance) -> list[Target]:
    ids = registry.removals(limit=MOST_VIDEOS_A_TICK)
    pairs = registry.dub_removals(limit=MOST_VIDEOS_A_TICK)
    return [*(Target(each, None) for each in ids), *(Target(*pair) for pair in pairs)]


def _clear_target(
    target: Target, registry: Maintenance, remover: Remover, instance: DagsterInstance
) -> bool:
    if target.language is None:
        return clear_video(target.video_id, registry, remover, instance)
    return clear_dub(target.video_id, target.language, registry, remover, instance)


def clear_video(
    video_id: str, registry: Maintenance, remover: Remover, instance: DagsterInstance
) -> bool:
    """Delete everything of a video; False while one of its runs has not ended."""
    runs = _end_runs(instance, runs_of(instance, video_id))
    if runs is None:
        return False
    remover.clear(video_id)
    for run in runs:
        delete_run(instance, run.run_id)
    # Before the registry may accept the same video again, which adds the key again.
    remove_key(instance, videos, video_id)
    registry.finish_removal(video_id)
    return True


def clear_dub(
    video_id: str, language: str, registry: Maintenance, remover: Remover, instance: DagsterInstance
) -> bool:
    """Delete everything of a dub; False while that is not possible.

    It must wait for runs of the dub, and for other runs of the video that are in a step, because
    they may be about to release a film.
    """
    of_dub = [
        run for run in runs_of(instance, video_id) if subject(run.tags).get("language") == language
    ]
    runs = _end_runs(instance, of_dub)
    if runs is None or not _clear_store(video_id, language, registry, remover):
        return False
    for run in runs:
        delete_run(instance, run.run_id)
    registry.finish_dub_removal(video_id, language)
    return True


def _clear_store(video_id: str, language: str, registry: Maintenance, remover: Remover) -> bool:
    # If the whole video is removed meanwhile, its own removal deletes the dub.
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


def _end_runs(instance: DagsterInstance, runs: Sequence[DagsterRun]) -> list[DagsterRun] | None:
    """Cancel queued runs; return all runs that still exist, or None if one is not finished."""
    for run in runs:
        if run.status is DagsterRunStatus.QUEUED:
            instance.report_run_canceled(run)
    found = [instance.get_run_by_id(run.run_id) for run in runs]
    there = [run for run in found if run is not None]
    return there if all(run.is_finished for run in there) else None
