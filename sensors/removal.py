"""The removing sensor: what was made of a removed video goes once no run works on it.

A run ends itself before its next step, because nobody asks for its video any more. Until the last
one has ended, the registry takes the same video in again for nobody; so nothing here can meet what
is made anew. A tick that is lost or killed half-way is made good by the next one.
"""

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    ResourceParam,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from assets.partitions import remove_key, videos
from dub_platform.registry import Registry
from resources.removal import Remover
from sensors.retention import deleted, runs_of
from sensors.waiting import wait_for

MOST_VIDEOS_A_TICK = 10
PAUSE_SECONDS = 1.0


@sensor(
    description="Deletes what was made of removed videos, with their runs and partitions, once no "
    "run works on them. A tick waits up to 25 s for a video to be removed.",
    minimum_interval_seconds=5,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_video_removed(
    context: SensorEvaluationContext,
    registry: ResourceParam[Registry],
    remover: ResourceParam[Remover],
) -> SkipReason:
    """Delete what was made of removed videos, and Dagster's records of it. It starts no run."""
    waiting = wait_for(
        lambda: registry.removals(limit=MOST_VIDEOS_A_TICK), pause_seconds=PAUSE_SECONDS
    )
    gone = [each for each in waiting if cleared(each, registry, remover, context.instance)]
    return SkipReason(f"{len(gone)} of {len(waiting)} removed videos are gone.")


def cleared(video_id: str, registry: Registry, remover: Remover, instance: DagsterInstance) -> bool:
    """Whether all of it is gone; False while a run of the video has not ended."""
    for run in runs_of(instance, video_id):
        if run.status is DagsterRunStatus.QUEUED:
            instance.report_run_canceled(run)
    runs = runs_of(instance, video_id)
    if not all(run.is_finished for run in runs):
        return False
    remover.clear(video_id)
    for run in runs:
        deleted(instance, run.run_id)
    # Before the registry takes the same video in again, which adds the key.
    remove_key(instance, videos, video_id)
    registry.removed(video_id)
    return True
