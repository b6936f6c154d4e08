"""Fetches uploads from the store, where the API has put them.

fetched = UploadDownloader(store).fetch(video, folder)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dub_platform.core.errors import (
    ArtifactMissingError,
)
from dub_platform.registry import Video
from resources.downloader.port import Fetched, Progress, ignore_progress
from resources.store.port import Store


@dataclass(frozen=True)
class UploadDownloader:
    """Fetches uploads from the store."""

    store: Store

    def fetch(self, video: Video, into: Path, progress: Progress = ignore_progress) -> Fetched:
        if video.upload_key is None:
            raise ArtifactMissingError(
                f"The upload of {video.id} is not known to the registry. Hand the file in again."
            )
        progress("The upload is being taken from the store.")
        return Fetched(
            path=self.store.fetch(video.upload_key, into),
            title=video.title,
            key=video.upload_key,
            captions=self.store.fetch(video.captions_key, into) if video.captions_key else None,
        )
