"""Fetches YouTube's videos through yt-dlp: first the facts, then the media.

    fetched = YouTubeDownloader(max_seconds=3600).fetch(video, folder)

The address is made from the eleven characters of the video's id; an address from a user is never
opened. `ytdlp.py` has yt-dlp's options, `refusals.py` the meaning of its errors. Tested in
`tests/resources/downloader` with the real extractor, against a server that behaves like YouTube.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dub_platform.core.errors import (
    EngineUnavailableError,
    VideoTooLongError,
)
from dub_platform.core.service.channels import CHANNEL_ID
from dub_platform.core.service.titles import make_plain
from dub_platform.core.service.videos import youtube_id
from dub_platform.registry import Video
from resources.downloader.port import Fetched, Progress, ignore_progress
from resources.downloader.refusals import UNFINISHED, live, not_this_video
from resources.downloader.ytdlp import YouTubeFacts, YtDlp, YtDlpOptions

CAPTIONS = "captions.vtt"


@dataclass(frozen=True)
class YouTubeDownloader:
    """Fetches the best sound, and pictures up to 1080p if they are shown.

    `host_video` means that the operator shows the pictures. `cookies` is a file in Netscape's
    format, of which a copy is used. `proxy` (http, https, socks5) and `po_token_url`, the PO token
    server, are URLs. `ca_bundle` are the certificates to trust in place of the usual ones.
    """

    max_seconds: float
    host_video: bool = True
    cookies: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    po_token_url: str | None = None
    ca_bundle: Path | None = None
    deadline_seconds: float = 7200.0

    def check(self) -> None:
        """Raises EngineUnavailableError if the cookies file cannot be used."""
        if self.cookies is None:
            return
        try:
            with self.cookies.open(encoding="utf-8", errors="replace") as lines:
                begins = next(lines, "")
        except OSError as error:
            raise EngineUnavailableError(
                "The file that DUB_YOUTUBE_COOKIES names cannot be read: "
                f"{type(error).__name__}. Check its path, and who may read it."
            ) from error
        if not re.match(r"#( Netscape)? HTTP Cookie File", begins):
            raise EngineUnavailableError(
                "The file that DUB_YOUTUBE_COOKIES names holds no cookies in Netscape's format, "
                "whose first line is '# Netscape HTTP Cookie File'. Export it from the browser "
                "again."
            )

    def fetch(self, video: Video, into: Path, progress: Progress = ignore_progress) -> Fetched:
        """Fetch the video.

        Raises the errors of `refusals.refusal_for`, of `check`, and VideoTooLongError.
        """
        self.check()
        source_id = youtube_id(video.source_id or video.id)
        address = f"https://www.youtube.com/watch?v={source_id}"
        with _private_folder(into) as folder:
            with YtDlp.visiting(address, self._options(folder), self.deadline_seconds) as visit:
                facts = visit.facts()
                self._refuse_unfit(facts, source_id)
                captions = _captions_in(facts.language or video.language, facts.captions)
                visit.download(captions=captions, into=folder / CAPTIONS, progress=progress)
            return Fetched(
                path=_move_into(
                    next(path for path in folder.iterdir() if path.stem == "source"), into
                ),
                title=video.title or make_plain(facts.title),
                captions=_move_into(folder / CAPTIONS, into)
                if (folder / CAPTIONS).exists()
                else None,
                channel=make_plain(facts.channel),
                channel_id=_valid_channel_id(facts.channel_id),
                language=facts.language,
                seconds=facts.seconds,
            )

    def _options(self, folder: Path) -> YtDlpOptions:
        cookies = None
        if self.cookies:
            # A copy, because yt-dlp writes to the file, and several downloads may run at once.
            cookies = Path(shutil.copyfile(self.cookies, folder / "cookies.txt"))
        return YtDlpOptions(
            folder=folder,
            pictures=self.host_video,
            cookies=cookies,
            proxy=self.proxy,
            po_token_url=self.po_token_url,
            ca_bundle=self.ca_bundle,
        )

    def _refuse_unfit(self, facts: YouTubeFacts, source_id: str) -> None:
        if facts.kind != "video" or facts.id != source_id:
            raise not_this_video()
        if facts.live in UNFINISHED:
            raise live(facts.live)
        seconds = facts.seconds or 0.0
        if seconds > self.max_seconds:
            raise VideoTooLongError(
                f"This video is {seconds:.0f} s long, and at most {self.max_seconds:.0f} s are "
                "taken here. Ask the operator to raise MAX_VIDEO_LENGTH."
            )


@contextlib.contextmanager
def _private_folder(into: Path) -> Iterator[Path]:
    # A program that was just killed may still write into it; the rest is deleted with `into`.
    with tempfile.TemporaryDirectory(
        prefix="youtube-", dir=into, ignore_cleanup_errors=True
    ) as name:
        yield Path(name).resolve()


def _valid_channel_id(channel_id: str | None) -> str | None:
    """Return the id if it is valid, because it becomes a part of addresses."""
    return channel_id if CHANNEL_ID.fullmatch(channel_id or "") else None


def _captions_in(language: str, captions: Sequence[str]) -> str | None:
    """Return the code of the captions in the spoken language, of any country: `en` also for
    `en-GB`."""
    if language in captions:
        return language
    base = language.partition("-")[0]
    same = [code for code in captions if code.partition("-")[0] == base]
    return min(same, key=len, default=None)


def _move_into(path: Path, into: Path) -> Path:
    return path.replace(into / path.name)
