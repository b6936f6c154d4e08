"""Rows in the registry and runs in Dagster, in the state a test starts from."""

from __future__ import annotations

from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    job,
    op,
)
from dagster._core.events import StepMaterializationData

from assets.step.tags import PARTITION, tags_of
from dub_platform.core.speech import Release
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work

VIDEO = "dQw4w9WgXcQ"


def handed_in(registry: SqlRegistry, *languages: str, video_id: str = VIDEO) -> None:
    """A video that waits to be prepared."""
    registry.accept(NewVideo(id=video_id, source=Source.YOUTUBE), languages)


def prepared(registry: SqlRegistry, *languages: str, video_id: str = VIDEO) -> None:
    """A video whose dubs can start."""
    handed_in(registry, *languages, video_id=video_id)
    registry.note_prepared(
        video_id,
        title="A title",
        language="en",
        duration_seconds=9.0,
        file_size_bytes=1,
        run_id="a-run",
    )


def run_of(
    instance: DagsterInstance, work: Work, status: DagsterRunStatus, **tags: str
) -> DagsterRun:
    """A run that was requested for this work and has come to this status."""
    partition = {} if work.language else {PARTITION: work.video_id}
    tagged = {**tags_of(work), **partition, **tags}
    return instance.create_run_for_job(_nothing, tags=tagged, status=status)


def begun(instance: DagsterInstance, work: Work, *made: AssetKey) -> DagsterRun:
    """A run that is at work on the dub's partition and has made these assets."""
    partition = {"dagster/partition": f"{work.language}|{work.video_id}"}
    run = run_of(instance, work, DagsterRunStatus.STARTING, **partition)
    start = DagsterEvent(DagsterEventType.PIPELINE_START.value, run.job_name)
    instance.report_dagster_event(start, run.run_id)
    for key in made:
        instance.report_dagster_event(_materialized(key), run.run_id)
    started = instance.get_run_by_id(run.run_id)
    assert started
    return started


def released(registry: SqlRegistry, work: Work, run_id: str) -> None:
    """A dub that this run has released."""
    registry.begin_work(work, run_id)
    key = f"releases/{work.video_id}/{work.language}/1"
    registry.release(
        work.video_id,
        str(work.language),
        Release(
            language=str(work.language),
            track_key=f"{key}/track.m4a",
            manifest_key=f"{key}/manifest.json",
            captions_keys={},
            seconds=9.0,
            lufs=-16.0,
            true_peak_db=-2.0,
            onset_p95_ms=0.0,
            tempo_p95=1.0,
            bytes=1,
            sha256="5d41",
            cost_usd=0.0,
        ),
        film_key=f"releases/{work.video_id}/es.mp4",
        beside={
            dub.language: dub.release
            for dub in registry.dubs(work.video_id)
            if dub.release and dub.language != work.language
        },
        run_id=run_id,
    )


def _materialized(key: AssetKey) -> DagsterEvent:
    made = StepMaterializationData(AssetMaterialization(key))
    kind = DagsterEventType.ASSET_MATERIALIZATION.value
    return DagsterEvent(kind, "nothing", event_specific_data=made)


@op
def _do_nothing() -> None:
    pass


@job
def _nothing() -> None:
    _do_nothing()
