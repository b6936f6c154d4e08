"""All wiring on one page: what Dagster loads, and which engine plays which role.

Dagster loads `defs`; no other module imports this one.
"""

from collections.abc import Iterator
from typing import Any

from dagster import Definitions, ResourceDefinition, in_process_executor, resource

from assets.checks import gates
from assets.dub import dubbed_track, r2_object, speech, translation
from assets.jobs import dub_video, prepare_video
from assets.source import audio, source_media, transcript
from assets.step.compute_logs import platform_log
from assets.step.io_manager import ArtifactIOManager
from assets.step.kinds import kinds_with
from assets.step.metadata import Showcase
from assets.step.workbench import Workbench
from dub_platform import wiring
from dub_platform.registry import WorkQueue
from dub_platform.settings import Settings
from resources.media.vad import SileroSpeechFinder
from resources.store.port import Store
from sensors.outcome import on_run_canceled, on_run_failed
from sensors.pools import PoolLimits
from sensors.reconciling import on_run_lost
from sensors.removal import on_video_removed
from sensors.requesting import on_video_prepared, on_video_registered
from sensors.retention import every_night, remove_leftovers


def definitions(settings: Settings) -> Definitions:
    """The platform as these settings describe it."""
    wiring.ffmpeg(settings)
    s3 = {"s3": _bucket(settings)} if settings.store == "r2" else {}
    client = s3["s3"].process_config_and_initialize().get_client() if s3 else None
    registry, store = wiring.registry(settings), wiring.store(settings, client)
    pipeline = [source_media, audio, transcript, translation, speech, dubbed_track, r2_object]
    translator = wiring.translator(settings, store)
    speaker = wiring.speaker(settings, store, translator)
    return Definitions(
        assets=[each.map_asset_specs(kinds_with(settings)) for each in pipeline],
        asset_checks=gates,
        jobs=[prepare_video, dub_video, remove_leftovers],
        schedules=[every_night],
        sensors=[
            on_video_registered,
            on_video_prepared,
            on_run_failed,
            on_run_canceled,
            on_run_lost,
            on_video_removed,
        ],
        # Runs are linear chains: parallelism is across runs, and a process per step costs seconds.
        executor=in_process_executor,
        loggers={"platform": platform_log},
        resources={
            **s3,
            "io_manager": ArtifactIOManager(store, registry),
            "registry": registry,
            "bench": _bench(settings, store, registry),
            "downloader": wiring.downloader(settings, store),
            "probe": wiring.probe(settings),
            "speech_finder": SileroSpeechFinder(),
            "transcriber": wiring.transcriber(settings, store),
            "translator": translator,
            "paces": speaker.paces,
            "speaker": speaker,
            "mixing": wiring.mixing(settings, store),
            "retention": wiring.retention(settings, store),
            "remover": wiring.remover(settings, store),
            "reporter": wiring.reporter(settings),
            "pools": PoolLimits(settings.pool_limits),
        },
    )


def _bench(settings: Settings, store: Store, registry: WorkQueue) -> ResourceDefinition:
    """Made and removed with each run."""
    showcase = Showcase(settings.base_url, registry, signs=bool(settings.link_secret))
    hearer = wiring.take_hearer(settings, store)

    @resource
    def bench() -> Iterator[Workbench]:
        with Workbench(store, wiring.folders(settings), registry, showcase, hearer) as opened:
            yield opened

    return bench


def _bucket(settings: Settings) -> Any:
    # Every run is a process of its own, and dagster_aws costs it most of a second.
    from assets.step.r2_resource import bucket

    return bucket(settings)


defs = definitions(Settings.from_environment())
