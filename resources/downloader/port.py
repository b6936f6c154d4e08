"""The downloader: where a video comes from.

    fetched = Downloaders({Source.UPLOAD: UploadDownloader(store)}).fetch(video, folder)

The next source is tested as YouTube is in `tests/resources/downloader`: its real client, against a
server of its shape.
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

# Told in a few words how far a download is.
Progress = Callable[[str], None]


def unheard(_: str) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True)
class Fetched:
    """A local copy of the original, and what its source says of it.

    `key` is set when the store holds these bytes already. `channel` is the title of the one that
    `channel_id` names, if the source has any. `language` is a tag such as `en-US`, and None where
    the source does not say what is spoken; `seconds` is what it claims, and nothing measured.
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
    """Brings the original. Raises SourceError's kinds, VideoTooLongError."""

    def fetch(self, video: Video, into: Path, progress: Progress = ...) -> Fetched:
        """The original in the folder `into`, with the captions found beside it.

        `progress` is told in a few words now and then how far it is.
        """
        ...


@dataclass(frozen=True)
class Downloaders:
    """One downloader for each source that this deployment takes."""

    engines: Mapping[Source, Downloader]

    def fetch(self, video: Video, into: Path, progress: Progress = unheard) -> Fetched:
        engine = self.engines.get(video.source)
        if engine is None:
            raise SourceNotEnabledError(
                f"Videos from {video.source.value} are not taken here: DUB_DOWNLOADER leaves them "
                "out. Upload the file, or ask the operator to change the setting."
            )
        return engine.fetch(video, into, progress)
