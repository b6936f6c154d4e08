"""What runs: a video is prepared once, and dubbed once for each language.

Each names the queue of the workers that do it: preparing may want a GPU, dubbing wants cores.
"""

from dagster import define_asset_job

from assets.dub import dubbed_track, r2_object, speech, translation
from assets.source import audio, source_media, transcript
from assets.tags import queued

prepare_video = define_asset_job(
    "prepare_video",
    selection=[source_media, audio, transcript],
    tags=queued("transcribe"),
)
dub_video = define_asset_job(
    "dub_video",
    selection=[translation, speech, dubbed_track, r2_object],
    tags=queued("dub"),
)
