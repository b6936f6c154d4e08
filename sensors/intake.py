"""The requesting sensor: from the registry's rows to runs.

It is level-triggered: it asks the registry what should be running and keeps no cursor, so a
tick that is lost, repeated or killed half-way changes nothing.
"""

from datetime import datetime, timezone

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from assets.jobs import dub_video, prepare_video
from assets.partitions import dub_key, languages, videos
from assets.tags import tags_of
from dub_platform.registry import Registry, Work

MOST_RUNS_A_TICK = 50


@sensor(
    jobs=[prepare_video, dub_video],
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
)
def on_video_registered(
    context: SensorEvaluationContext, registry: ResourceParam[Registry]
) -> SensorResult:
    """Request a run for every video that waits to be prepared and every dub that can start."""
    work = registry.claim_work(limit=MOST_RUNS_A_TICK, now=datetime.now(timezone.utc))
    if not work:
        return SensorResult(skip_reason=SkipReason("No video and no dub in the registry waits."))
    context.log.info(f"{len(work)} runs are requested.")
    # The API adds these keys too; a crash between its two writes must not lose the video.
    return SensorResult(
        run_requests=[_request(each) for each in work],
        dynamic_partitions_requests=[
            videos.build_add_request(sorted({each.video_id for each in work})),
            languages.build_add_request(sorted({each.language for each in work if each.language})),
        ],
    )


def _request(work: Work) -> RunRequest:
    if work.language is None:
        return RunRequest(
            run_key=work.run_key,
            job_name=prepare_video.name,
            partition_key=work.video_id,
            tags=tags_of(work),
        )
    return RunRequest(
        run_key=work.run_key,
        job_name=dub_video.name,
        partition_key=dub_key(work.video_id, work.language),
        tags=tags_of(work),
    )
