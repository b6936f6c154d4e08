"""YouTube through yt-dlp: facts first, then what is wanted of the video.

    fetched = YouTubeDownloader(max_seconds=3600).fetch(video, folder)

The address is rebuilt from the eleven characters of the video's id; no address of a user's is
ever opened. What yt-dlp may do is `ytdlp.py`, what its refusals mean `refusals.py`. Tested in
`tests/resources/downloader` with the real extractor, against a server of YouTube's shape.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dub_platform.core.channels import CHANNEL_ID
from dub_platform.core.errors import (
    EngineUnavailableError,
    VideoTooLongError,
)
from dub_platform.core.titles import plain
from dub_platform.core.videos import youtube_id
from dub_platform.registry import Video
from resources.downloader.port import Fetched, Progress, unheard
from resources.downloader.refusals import UNFINISHED, live, not_this_video
from resources.downloader.ytdlp import Way, YouTubeFacts, YtDlp

CAPTIONS = "captions.vtt"


@dataclass(frozen=True)
class YouTubeDownloader:
    """YouTube through yt-dlp: the best sound, and the pictures (1080p at most) if asked for.

    `host_video` is whether the operator shows the pictures again. `cookies` is a file in
    Netscape's format, of which a copy is used. `proxy` (http, https, socks5) and the PO token
    server's `po_token_url` are addresses. `ca_bundle` are the certificates to trust in place of
    the usual ones.
    """

    max_seconds: float
    host_video: bool = True
    cookies: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    po_token_url: str | None = None
    ca_bundle: Path | None = None
    deadline_seconds: float = 7200.0

    def check(self) -> None:
        """Raises EngineUnavailableError where the cookies file is none."""
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

    def fetch(self, video: Video, into: Path, progress: Progress = unheard) -> Fetched:
        """Raises the errors of `youtube_refusals.named`, VideoTooLongError, and `check`'s."""
        self.check()
        source_id = youtube_id(video.source_id or video.id)
        address = f"https://www.youtube.com/watch?v={source_id}"
        with _private_folder(into) as folder:
            with YtDlp.visiting(address, self._way(folder), self.deadline_seconds) as visit:
                facts = visit.facts()
                self._refuse_unfit(facts, source_id)
                captions = _captions_in(facts.language or video.language, facts.captions)
                visit.download(captions=captions, into=folder / CAPTIONS, progress=progress)
            return Fetched(
                path=_kept(next(path for path in folder.iterdir() if path.stem == "source"), into),
                title=video.title or plain(facts.title),
                captions=_kept(folder / CAPTIONS, into) if (folder / CAPTIONS).exists() else None,
                channel=plain(facts.channel),
                channel_id=_checked(facts.channel_id),
                language=facts.language,
                seconds=facts.seconds,
            )

    def _way(self, folder: Path) -> Way:
        cookies = None
        if self.cookies:
            # yt-dlp writes its cookies back, and several downloads may run at a time.
            cookies = Path(shutil.copyfile(self.cookies, folder / "cookies.txt"))
        return Way(
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
    # A program that was just killed may still close a file in it; what remains goes with `into`.
    with tempfile.TemporaryDirectory(
        prefix="youtube-", dir=into, ignore_cleanup_errors=True
    ) as name:
        yield Path(name).resolve()


def _checked(channel_id: str | None) -> str | None:
    """The id if it is one: it becomes a part of addresses."""
    return channel_id if CHANNEL_ID.fullmatch(channel_id or "") else None


def _captions_in(language: str, captions: Sequence[str]) -> str | None:
    """Those of the language that is spoken, of whatever country: `en` for `en-GB` and back."""
    if language in captions:
        return language
    base = language.partition("-")[0]
    same = [code for code in captions if code.partition("-")[0] == base]
    return min(same, key=len, default=None)


def _kept(path: Path, into: Path) -> Path:
    return path.replace(into / path.name)
