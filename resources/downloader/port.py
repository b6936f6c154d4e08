"""The downloader port: fetches the original of a video.

    fetched = Downloaders({Source.UPLOAD: UploadDownloader(store)}).fetch(video, folder)

A new source is tested as YouTube is in `tests/resources/downloader`: with its real client, against
a server that behaves like its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dub_platform.core.errors import (
    SourceNotEnabledError,
)
from dub_platform.registry import Source, Video

# A function that gets the progress of a download, in a few words.
Progress = Callable[[str], None]


def ignore_progress(_: str) -> None:
    """Ignore the progress."""


@dataclass(frozen=True)
class Fetched:
    """A local copy of the original, and what its source says about it.

    `key` is set if the store holds this content already. `channel` is the title of the channel with
    the id `channel_id`, if the source has channels. `language` is a tag such as `en-US`, None if
    the source does not say what is spoken. `seconds` is the source's claim, not measured.
    """

    path: Path
    title: str
    key: str | None = None
    captions: Path | None = None
    channel: str = ""
    channel_id: str | None = None
    language: str | None = None
    seconds: float | None = None


class Downloader(Protocol):
    """Fetches originals. Raises subclasses of SourceError, and VideoTooLongError."""

    def fetch(self, video: Video, into: Path, progress: Progress = ...) -> Fetched:
        """Fetch the original into the folder `into`, with the captions that the source offers.

        `progress` is called now and then with the progress in words.
        """
        ...


@dataclass(frozen=True)
class Downloaders:
    """One downloader for each source that this deployment accepts."""

    engines: Mapping[Source, Downloader]

    def fetch(self, video: Video, into: Path, progress: Progress = ignore_progress) -> Fetched:
        engine = self.engines.get(video.source)
        if engine is None:
            raise SourceNotEnabledError(
                f"Videos from {video.source.value} are not taken here: DUB_DOWNLOADER leaves them "
                "out. Upload the file, or ask the operator to change the setting."
            )
        return engine.fetch(video, into, progress)
