"""A YouTube video as the asset `source_media`, and what the registry knows of it after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance, materialize

from assets.source import source_media
from assets.step.io_manager import ArtifactIOManager
from assets.step.metadata import Showcase
from assets.step.workbench import Workbench
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import SourceMedia
from dub_platform.observability.reports import Reporter
from dub_platform.registry import NewVideo, Source, SqlRegistry, Video
from resources.downloader.port import Downloaders
from resources.downloader.youtube import YouTubeDownloader
from resources.media.probe import Prober
from resources.store.local import LocalStore
from resources.system.workfolder import WorkFolders
from tests.resources.downloader.conftest import ID
from tests.support.new_registries import make_registry
from tests.support.servers import youtube_answers as answers
from tests.support.servers.youtube_answers import Answer


@pytest.mark.parametrize(("named", "known"), [(AUTO, "en"), ("de", "de")])
def test_channel_and_language_are_known_once_it_is_fetched(
    normal: Callable[..., Answer],
    downloader: Callable[..., YouTubeDownloader],
    tmp_path: Path,
    named: str,
    known: str,
) -> None:
    """The channel is there with its title; a language that the request named stays."""
    normal()
    registry = handed_in(tmp_path, named)
    media = fetched(tmp_path, registry, downloader())
    video: Video = registry.video(ID)
    assert (known, known) == (media.language, video.language)
    assert answers.CHANNEL_ID == video.channel_id
    assert answers.CHANNEL == registry.channel(answers.CHANNEL_ID).title


def handed_in(folder: Path, language: str) -> SqlRegistry:
    url = f"sqlite:///{folder / 'asked.sqlite'}"
    make_registry(url)
    registry = SqlRegistry.at(url)
    registry.accept(NewVideo(ID, Source.YOUTUBE, language=language), ["es"])
    return registry


def fetched(folder: Path, registry: SqlRegistry, youtube: YouTubeDownloader) -> SourceMedia:
    """The asset's value."""
    store = LocalStore(folder / "store", "http://dub.test/media")
    showcase = Showcase("http://dub.test", registry)
    with DagsterInstance.ephemeral(tempdir=str(folder)) as instance:
        instance.add_dynamic_partitions("videos", [ID])
        result = materialize(
            [source_media],
            partition_key=ID,
            instance=instance,
            resources={
                "io_manager": ArtifactIOManager(store, registry),
                "bench": Workbench(store, WorkFolders(folder / "spool"), registry, showcase),
                "downloader": Downloaders({Source.YOUTUBE: youtube}),
                "probe": Prober(60),
                "reporter": Reporter(),
            },
        )
    value: SourceMedia = result.output_for_node("source_media")
    return value
