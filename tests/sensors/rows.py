"""Rows in the registry and runs in Dagster, in the state a test starts from."""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, job, op

from assets.tags import tags_of
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work

VIDEO = "dQw4w9WgXcQ"


def handed_in(registry: SqlRegistry, *languages: str, video_id: str = VIDEO) -> None:
    """A video that waits to be prepared."""
    registry.accept(NewVideo(id=video_id, source=Source.YOUTUBE), languages)


def prepared(registry: SqlRegistry, *languages: str, video_id: str = VIDEO) -> None:
    """A video whose dubs can start."""
    handed_in(registry, *languages, video_id=video_id)
    registry.prepared(
        video_id,
        title="A title",
        language="en",
        duration_seconds=9.0,
        file_size_bytes=1,
        run_id="a-run",
    )


def run_of(instance: DagsterInstance, work: Work, status: DagsterRunStatus) -> DagsterRun:
    """A run that was requested for this work and has come to this status."""
    return instance.create_run_for_job(_nothing, tags=tags_of(work), status=status)


@op
def _do_nothing() -> None:
    pass


@job
def _nothing() -> None:
    _do_nothing()
