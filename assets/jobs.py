"""What runs: a video is prepared once, and dubbed once for each language."""

from typing import Any

from dagster import define_asset_job

from assets.dub import dubbed_track, r2_object, speech, translation
from assets.source import audio, source_media, transcript
from assets.step.telemetry import on_step_failed

# Gates have no hooks of their own, and a run has a console of Dagster's unless it is told.
OBSERVED: dict[str, Any] = {
    "hooks": {on_step_failed},
    "config": {"loggers": {"platform": {}}},
}

prepare_video = define_asset_job(
    "prepare_video",
    selection=[source_media, audio, transcript],
    **OBSERVED,
)
dub_video = define_asset_job(
    "dub_video",
    selection=[translation, speech, dubbed_track, r2_object],
    **OBSERVED,
)
