"""Runs in this process: real assets, engines, store and registry on a Dagster instance of a test.

with open_workshop(folder) as workshop:
    video_id = workshop.hand_in(clip.path, "es")
    workshop.prepare(video_id)
    workshop.dub(video_id, "es")
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    MetadataValue,
)

from assets.partitions import dub_key
from assets.step.tags import tags_of
from dub_platform import wiring
from dub_platform.core.keys import file_sha256
from dub_platform.core.service.videos import upload_id
from dub_platform.definitions import definitions
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work
from dub_platform.settings import Settings
from resources.store.port import Store
from tests.support.new_registries import make_registry


@dataclass(frozen=True)
class Workshop:
    """Everything a run works with."""

    settings: Settings
    defs: Definitions
    instance: DagsterInstance
    registry: SqlRegistry
    store: Store

    def hand_in(
        self,
        clip: Path,
        *languages: str,
        captions: str | None = None,
        language: str = "en",
        title: str = "Clip",
    ) -> str:
        """What POST /videos does, without HTTP; `captions` are the text of an SRT file."""
        video_id = upload_id(file_sha256(clip))
        key = f"videos/{video_id}/upload.media"
        self.store.put_file(key, clip)
        beside = None
        if captions is not None:
            beside = f"videos/{video_id}/captions.srt"
            self.store.put_bytes(beside, captions.encode())
        new = NewVideo(video_id, Source.UPLOAD, title, language, key, captions_key=beside)
        self.registry.accept(new, languages)
        self.add_partitions(video_id, languages)
        return video_id

    def add_partitions(self, video_id: str, languages: Sequence[str]) -> None:
        self.instance.add_dynamic_partitions("videos", [video_id])
        self.instance.add_dynamic_partitions("languages", list(dict.fromkeys(languages)))

    def prepare(self, video_id: str, **options: Any) -> ExecuteInProcessResult:
        """Run prepare_video as the sensor would have it run."""
        tags = tags_of(Work(video_id, None, self.registry.video(video_id).generation))
        return self._run("prepare_video", video_id, tags, **options)

    def dub(self, video_id: str, language: str, **options: Any) -> ExecuteInProcessResult:
        """Run dub_video as the sensor would have it run."""
        generation = self.registry.dub(video_id, language).generation
        tags = {**tags_of(Work(video_id, language, generation)), **options.pop("tags", {})}
        return self._run("dub_video", dub_key(video_id, language), tags, **options)

    def dub_by_hand(self, video_id: str, language: str, *assets: str) -> ExecuteInProcessResult:
        """Materialize some assets of a dub, as an operator does in the UI: without the tags."""
        selection = [AssetKey(asset) for asset in assets] or None
        return self._run("dub_video", dub_key(video_id, language), {}, asset_selection=selection)

    def _run(
        self, job: str, partition_key: str, tags: Mapping[str, str], **options: Any
    ) -> ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(
            partition_key=partition_key,
            tags=dict(tags),
            instance=self.instance,
            raise_on_error=options.pop("raise_on_error", True),
            **options,
        )


def list_made(result: ExecuteInProcessResult) -> dict[str, AssetMaterialization]:
    """Return what a run made, by asset."""
    events = result.get_asset_materialization_events()
    return {
        event.asset_key.to_user_string(): event.materialization
        for event in events
        if event.asset_key
    }


def metadata_of(materialization: AssetMaterialization) -> Mapping[str, MetadataValue]:
    """Return the numbers and pictures beside a materialization."""
    return materialization.metadata


@contextlib.contextmanager
def open_workshop(folder: Path, **chosen: Any) -> Iterator[Workshop]:
    """Open a workshop with everything in the folder, and with engines as chosen."""
    settings = Settings(home=folder / "home", **chosen)
    make_registry(settings.registry_url)
    (settings.home / wiring.FFMPEG_CHECKED).write_bytes(_check_ffmpeg())
    registry = wiring.registry(settings)
    assert isinstance(registry, SqlRegistry)
    with DagsterInstance.ephemeral(tempdir=str(folder)) as instance:
        yield Workshop(settings, definitions(settings), instance, registry, wiring.store(settings))


@functools.cache
def _check_ffmpeg() -> bytes:
    """What a home keeps of an ffmpeg that has all it needs, which takes 0.3 s to ask."""
    with tempfile.TemporaryDirectory() as folder:
        wiring.ffmpeg(Settings(home=Path(folder)))
        return Path(folder, wiring.FFMPEG_CHECKED).read_bytes()
