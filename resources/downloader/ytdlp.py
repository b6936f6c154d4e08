"""Runs yt-dlp, isolated from the machine's own configuration.

    with YtDlp.visiting(address, YtDlpOptions(folder), deadline_seconds=3600) as visit:
        facts = visit.facts()
        visit.download(captions="en", into=folder / "captions.vtt", progress=log.info)

yt-dlp runs in `ytdlp_process.py`, a process with a home, an environment and a temporary folder of
its own. It can be killed at any moment; it reads no plugins, configuration, netrc or browser data;
and everything it leaves lies in the one folder. Nothing is downloaded before `download`. URLs are
removed from all its words before anybody reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dub_platform.core.errors import EngineFailedError, SourceUnreachableError
from resources.downloader.port import Progress
from resources.downloader.refusals import redact, refusal_for
from resources.media import ffmpeg
from resources.system.programs import helper, tie_to_parent

SOCKET_SECONDS = 20
RETRIES = 10
EXTRACTOR_RETRIES = 2
PROGRESS_SECONDS = 5.0
_PROCESS = Path(__file__).with_name("ytdlp_process.py")
_MEGA = 1_000_000
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})

# The best sound. Pictures, if wanted, in the codec that every browser plays.
_SOUND = {"format": "ba/b"}
_FILM = {
    "format": "bv*+ba/b",
    "format_sort": ["res:1080", "vcodec:h264"],
    "merge_output_format": "mp4/mkv",
}


@dataclass(frozen=True)
class YouTubeFacts:
    """YouTube's description of a video, read before anything is downloaded.

    `kind` is "video", or "url" if YouTube answers with another video. `live` is yt-dlp's
    `live_status`, `language` that of the original sound, `captions` the languages of captions that
    people wrote.
    """

    id: str
    kind: str
    title: str
    channel: str
    channel_id: str | None
    language: str | None
    seconds: float | None
    live: str | None
    captions: Sequence[str]


@dataclass(frozen=True)
class YtDlpOptions:
    """How to reach YouTube, and the private folder that everything is written into.

    `cookies` is a file in Netscape's format that yt-dlp may write to. `ca_bundle` are the
    certificates to trust if they are not the usual ones.
    """

    folder: Path
    pictures: bool = False
    cookies: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    po_token_url: str | None = None
    ca_bundle: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return yt-dlp's options.

        Everything unwanted is switched off by name, whatever the defaults become.
        """
        return {
            **(_FILM if self.pictures else _SOUND),
            "outtmpl": str(self.folder / "source.%(ext)s"),
            "allowed_extractors": ["youtube"],
            "noplaylist": True,
            "socket_timeout": SOCKET_SECONDS,
            "retries": RETRIES,
            "fragment_retries": RETRIES,
            "extractor_retries": EXTRACTOR_RETRIES,
            # A skipped fragment would be a gap in the sound that nobody is told of.
            "skip_unavailable_fragments": False,
            "continuedl": True,
            "ffmpeg_location": ffmpeg.binary(),
            "external_downloader": {"default": "native"},
            "postprocessors": [],
            "cachedir": False,
            "usenetrc": False,
            "enable_file_urls": False,
            "geo_bypass": False,
            "remote_components": [],
            "mark_watched": False,
            "noprogress": True,
            **({"cookiefile": str(self.cookies)} if self.cookies else {}),
            **({"proxy": self.proxy} if self.proxy else {}),
            **({"compat_opts": ["no-certifi"]} if self.ca_bundle else {}),
            # The client that yt-dlp's guide recommends for use with PO tokens.
            **(_with_client("mweb") if self.po_token_url else {}),
        }

    def environment(self) -> dict[str, str]:
        """Return the environment of the process: the paths of programs, and this machine's
        proxies."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "LD_LIBRARY_PATH") or name.lower() in _PROXIES
        }
        return {
            **kept,
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "YTDLP_NO_PLUGINS": "1",
            **({"SSL_CERT_FILE": str(self.ca_bundle.resolve())} if self.ca_bundle else {}),
        }


def _with_client(name: str) -> dict[str, Any]:
    return {"extractor_args": {"youtube": {"player_client": ["default", name]}}}


class YtDlp:
    """One session with yt-dlp about one video."""

    def __init__(self, process: subprocess.Popen[str], deadline_seconds: float) -> None:
        self._process = process
        self._deadline_seconds = deadline_seconds
        self._overdue = False

    @classmethod
    @contextlib.contextmanager
    def visiting(cls, address: str, way: YtDlpOptions, deadline_seconds: float) -> Iterator[YtDlp]:
        """Start the process; kill it and its children after the block, or at the deadline."""
        process = subprocess.Popen(
            # On SIGTERM it ends its own children too.
            tie_to_parent(helper(_PROCESS), end=signal.SIGTERM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=way.folder,
            env=way.environment(),
            start_new_session=True,
        )
        visit = cls(process, deadline_seconds)
        deadline = threading.Timer(deadline_seconds, visit._expire)
        with process:
            deadline.start()
            try:
                # Sent through the pipe, because `ps` shows arguments, and a proxy has a password.
                visit._order(address=address, options=way.options(), po_token_url=way.po_token_url)
                yield visit
            finally:
                deadline.cancel()
                visit._end()

    def facts(self) -> YouTubeFacts:
        """Return YouTube's description of the video.

        Raises the errors of `refusals.refusal_for`.
        """
        return YouTubeFacts(**next(self._answers())["facts"])

    def download(self, *, captions: str | None, into: Path, progress: Progress) -> None:
        """Fetch the media, and the captions of one language into a file.

        `progress` gets the progress in words. Raises the errors of `refusals.refusal_for`.
        """
        self._order(captions=captions, into=str(into))
        reporter = Reporter(progress)
        for answer in self._answers():
            if "progress" in answer:
                reporter.hear(**answer["progress"])
            elif "missed" in answer:
                progress(f"The captions could not be fetched: {redact(answer['missed'])}")
            else:
                return

    def _order(self, **order: Any) -> None:
        assert self._process.stdin is not None
        # If the process has ended, reading its answer tells why.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), json.dumps(order).encode() + b"\n")

    def _answers(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if "failed" in answer:
                raise refusal_for(**answer["failed"])
            yield answer
        raise self._no_answer()

    def _no_answer(self) -> SourceUnreachableError | EngineFailedError:
        if self._overdue:
            return SourceUnreachableError(
                f"The video was not fetched within {self._deadline_seconds:.0f} s, so its download "
                "was stopped. It is tried again; if it keeps failing, check this machine's way to "
                "the internet."
            )
        return EngineFailedError(
            f"yt-dlp ended without an answer (status {self._process.wait()}), as it does for lack "
            "of memory or where it is not installed. Check both; it is tried again."
        )

    def _expire(self) -> None:
        self._overdue = True
        self._end()

    def _end(self) -> None:
        """Kill the process group, which has its children too (ffmpeg, a JavaScript runtime)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Reporter:
    """Reports the progress of a download: now and then, and whenever a file is complete."""

    def __init__(
        self,
        say: Progress,
        *,
        every_seconds: float = PROGRESS_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._every_seconds = every_seconds
        self._clock = clock
        self._next = clock()

    def hear(
        self,
        *,
        part: str,
        finished: bool,
        received: float,
        total: float | None,
        speed: float | None,
    ) -> None:
        """Take what `ytdlp_process.on_progress` tells: bytes of one file, and bytes per second."""
        now = self._clock()
        if not finished and now < self._next:
            return
        self._next = now + self._every_seconds
        done = f"{100 * received / total:.0f} % of {total / _MEGA:.1f} MB" if total else ""
        pace = f", {speed / _MEGA:.1f} MB/s" if speed and not finished else ""
        self._say(f"YouTube, {part}: {done or f'{received / _MEGA:.1f} MB'}{pace}")
