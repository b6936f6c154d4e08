"""What runs: a video is prepared once, and dubbed once for each language."""

from dagster import define_asset_job

from assets.dub import dubbed_track, r2_object, speech, translation
from assets.source import audio, source_media, transcript

prepare_video = define_asset_job("prepare_video", selection=[source_media, audio, transcript])
dub_video = define_asset_job("dub_video", selection=[translation, speech, dubbed_track, r2_object])
