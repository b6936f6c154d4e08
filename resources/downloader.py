"""The downloader: where a video comes from.

    fetched = Downloaders({Source.UPLOAD: UploadDownloader(store)}).fetch(video, folder)

An upload lies in the store already. A YouTube video is fetched by yt-dlp from an address
rebuilt from the eleven characters of its id; no address of a user's is ever opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dub_platform.core.errors import (
    ArtifactMissingError,
    SourceError,
    SourceNotEnabledError,
    SourceUnavailableError,
    SourceUnreachableError,
    VideoTooLongError,
)
from dub_platform.core.videos import checked_id
from dub_platform.registry import Source, Video
from resources import ffmpeg
from resources.store import Store

SOCKET_SECONDS = 20


@dataclass(frozen=True)
class Fetched:
    """A local copy of the original. `key` is set when the store holds these bytes already."""

    path: Path
    title: str
    key: str | None = None
    captions: Path | None = None


class Downloader(Protocol):
    """Brings the original. Raises SourceError's kinds, VideoTooLongError."""

    def fetch(self, video: Video, into: Path) -> Fetched:
        """The original in the folder `into`, with the captions found beside it."""
        ...


@dataclass(frozen=True)
class Downloaders:
    """One downloader for each source that this deployment takes."""

    engines: Mapping[Source, Downloader]

    def fetch(self, video: Video, into: Path) -> Fetched:
        engine = self.engines.get(video.source)
        if engine is None:
            raise SourceNotEnabledError(
                f"Videos from {video.source.value} are not taken here: DUB_DOWNLOADER leaves them "
                "out. Upload the file, or ask the operator to change the setting."
            )
        return engine.fetch(video, into)


@dataclass(frozen=True)
class UploadDownloader:
    """Uploads: the API put them into the store when they came."""

    store: Store

    def fetch(self, video: Video, into: Path) -> Fetched:
        if video.upload_key is None:
            raise ArtifactMissingError(
                f"The upload of {video.id} is not known to the registry. Hand the file in again."
            )
        return Fetched(
            path=self.store.fetch(video.upload_key, into),
            title=video.title,
            key=video.upload_key,
            captions=self.store.fetch(video.captions_key, into) if video.captions_key else None,
        )


@dataclass(frozen=True)
class YouTubeDownloader:
    """YouTube through yt-dlp, with nothing of the machine's own configuration."""

    max_seconds: int
    proxy: str | None = None

    def fetch(self, video: Video, into: Path) -> Fetched:
        import yt_dlp

        address = f"https://www.youtube.com/watch?v={checked_id(video.id)}"
        try:
            with yt_dlp.YoutubeDL(self._options(video, into)) as downloader:
                facts = downloader.extract_info(address, download=False)
                self._refuse_unfit(facts)
                facts = downloader.process_ie_result(facts, download=True)
        except yt_dlp.utils.DownloadError as error:
            raise _named(error) from error
        return Fetched(
            path=next(path for path in into.iterdir() if path.stem == "source"),
            title=video.title or str(facts.get("title") or ""),
            captions=next(into.glob("source.*.vtt"), None),
        )

    def _options(self, video: Video, into: Path) -> dict[str, Any]:
        return {
            "format": "bv*[height<=1080]+ba/b",
            "merge_output_format": "mp4",
            "outtmpl": str(into / "source.%(ext)s"),
            "ffmpeg_location": ffmpeg.binary(),
            "allowed_extractors": ["youtube$"],
            "noplaylist": True,
            "cachedir": False,
            "socket_timeout": SOCKET_SECONDS,
            "retries": 3,
            "extractor_retries": 1,
            "writesubtitles": True,
            "subtitleslangs": [f"{video.language}.*"],
            "subtitlesformat": "vtt",
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            **({"proxy": self.proxy} if self.proxy else {}),
        }

    def _refuse_unfit(self, facts: Mapping[str, Any]) -> None:
        if facts.get("is_live") or facts.get("live_status") in ("is_live", "is_upcoming"):
            raise SourceUnavailableError(
                "This video is a live stream. Hand it in again when the stream has ended."
            )
        seconds = facts.get("duration") or 0
        if seconds > self.max_seconds:
            raise VideoTooLongError(
                f"This video is {seconds:.0f} s long, and at most {self.max_seconds} s are taken "
                "here. Ask the operator to raise MAX_VIDEO_LENGTH."
            )


def _named(error: Exception) -> SourceError:
    said = str(error)
    network = ("urlopen", "timed out", "Unable to connect", "Failed to establish", "resolve")
    if any(sign in said for sign in network) or "Unable to download" in said:
        return SourceUnreachableError(
            "YouTube could not be reached, so the video could not be fetched. It is tried again; "
            "if it keeps failing, check this machine's way to the internet.",
            detail=said,
        )
    return SourceUnavailableError(
        f"YouTube does not give this video out: {said[:300]} Check that it plays without signing "
        "in, or upload the file.",
        detail=said,
    )
