"""The requesting sensors: turn rows of the registry into runs.

They are level-triggered: each tick asks the registry what should be running, without a cursor, so a
tick that is lost, repeated or killed changes nothing. A tick without work waits for some. Videos
and dubs have a sensor each, because a result ends the tick: a dub whose video was just prepared
need not wait for the tick after the one that is waiting for videos.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timezone

from dagster import (
    AssetKey,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from assets.dub import r2_object
from assets.jobs import dub_video, prepare_video
from assets.partitions import add_keys, dub_key, languages, videos
from assets.source import transcript
from assets.step.tags import tag_request, tag_title, tags_of
from dub_platform.core.errors import VideoNotFoundError
from dub_platform.registry import Work, WorkQueue
from sensors.waiting import wait_for

MOST_RUNS_A_TICK = 50
PAUSE_SECONDS = 0.4
# Higher than that of runs started by hand or as a backfill, which have no priority.
PRIORITY = {"dagster/priority": "10"}


@sensor(
    job=prepare_video,
    description="Requests a run for each video that was handed in. A tick waits up to 25 s for "
    "one.",
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_video_registered(
    context: SensorEvaluationContext, registry: ResourceParam[WorkQueue]
) -> SensorResult:
    """Request a run for every video that waits to be prepared."""
    work = wait_for(
        lambda: registry.claim_videos(limit=MOST_RUNS_A_TICK, now=datetime.now(timezone.utc)),
        pause_seconds=PAUSE_SECONDS,
    )
    if not work:
        return SensorResult(skip_reason=SkipReason("No video in the registry waits."))
    context.log.info(f"{len(work)} videos are to be prepared.")
    # The API adds the keys too, but may crash after it committed the row.
    add_keys(context.instance, videos, [each.video_id for each in work])
    return SensorResult(run_requests=_requests(registry, [(each, each.video_id) for each in work]))


@sensor(
    job=dub_video,
    description="Requests a run for each language that was asked for of a prepared video. A tick "
    "waits up to 25 s for one.",
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_video_prepared(
    context: SensorEvaluationContext, registry: ResourceParam[WorkQueue]
) -> SensorResult:
    """Request a run for every dub whose video is prepared."""
    work = wait_for(
        lambda: registry.claim_dubs(limit=MOST_RUNS_A_TICK, now=datetime.now(timezone.utc)),
        pause_seconds=PAUSE_SECONDS,
    )
    if not work:
        return SensorResult(skip_reason=SkipReason("No dub in the registry can start."))
    context.log.info(f"{len(work)} dubs are to be made.")
    wanted = [(each, each.video_id, str(each.language)) for each in work]
    add_keys(context.instance, videos, [video for _, video, _ in wanted])
    add_keys(context.instance, languages, [code for *_, code in wanted])
    return SensorResult(
        run_requests=_requests(
            registry, [(each, dub_key(video, code)) for each, video, code in wanted]
        )
    )


def _selection(work: Work) -> Sequence[AssetKey] | None:
    """Return the assets that this work needs; None for all of the job."""
    if work.listen_only:
        return [transcript.key]
    return [r2_object.key] if work.film_only else None


def _requests(registry: WorkQueue, wanted: Sequence[tuple[Work, str]]) -> list[RunRequest]:
    """Return a run request for each, except for removed videos, whose partition key may be gone."""
    requests = []
    for work, partition_key in wanted:
        with contextlib.suppress(VideoNotFoundError):
            title = tag_title(registry.video(work.video_id))
            tags = {**tags_of(work), **tag_request(work), **title, **PRIORITY}
            requests.append(
                RunRequest(
                    work.run_key,
                    partition_key=partition_key,
                    asset_selection=_selection(work),
                    tags=tags,
                )
            )
    return requests
