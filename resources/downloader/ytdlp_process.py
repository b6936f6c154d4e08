"""yt-dlp in a process of its own: reads orders and writes facts, progress and the end as JSON
lines.

    $ python -I ytdlp_process.py
    {"address": "https://www.youtube.com/watch?v=...", "options": {...}}
    {"facts": {"id": "...", "title": "...", "seconds": 61.0, ...}}
    {"captions": "en", "into": "captions.vtt"}
    {"progress": {"part": "sound", "received": 1024, ...}}
    {"done": true}

Nothing is downloaded before the second order. The answer to either can be `{"failed": {...}}`.
`ytdlp.py` starts the process, decides what is fetched, and kills it at a deadline.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

MOST_CAPTION_BYTES = 16_000_000
LONGEST_PAUSE_SECONDS = 30.0


class Warnings:
    """A logger for yt-dlp that keeps its warnings, which often explain a later failure."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def debug(self, message: str) -> None:
        """Ignore yt-dlp's account of its work."""

    def warning(self, message: str) -> None:
        self.said.append(message)

    error = warning


def fetch(order: Mapping[str, Any], warnings: Warnings) -> None:
    """Carry out the two orders."""
    import yt_dlp

    options = {
        **order["options"],
        "logger": warnings,
        "progress_hooks": [on_progress],
        "retry_sleep_functions": {"http": pause, "fragment": pause, "extractor": pause},
    }
    if order["po_token_url"]:
        offer_po_tokens(order["po_token_url"])
    with yt_dlp.YoutubeDL(options) as ydl:
        found = ydl.extract_info(order["address"], download=False, process=False)
        tell(facts=facts(found))
        wish = read_order()
        if wish["captions"]:
            save_captions(ydl, found["subtitles"][wish["captions"]], Path(wish["into"]))
        ydl.process_ie_result(found, download=True)
    tell(done=True)


def facts(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that decide whether the video is fetched, and the captions it has."""
    return {
        "id": found.get("id"),
        "kind": found.get("_type", "video"),
        "title": found.get("title") or "",
        "channel": found.get("channel") or "",
        "channel_id": found.get("channel_id"),
        "language": original_language(found.get("formats") or []),
        "seconds": found.get("duration"),
        "live": found.get("live_status"),
        "captions": [
            code for code, tracks in (found.get("subtitles") or {}).items() if vtt(tracks)
        ],
    }


def original_language(formats: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the language of the original sound; a video may have dubbed sounds beside it."""
    voiced = [each for each in formats if each.get("language")]
    best = max(voiced, key=lambda each: each.get("language_preference") or -1, default=None)
    return str(best["language"]) if best else None


def vtt(tracks: Sequence[Mapping[str, Any]]) -> str | None:
    return next((str(track["url"]) for track in tracks if track.get("ext") == "vtt"), None)


def save_captions(ydl: YoutubeDL, tracks: Sequence[Mapping[str, Any]], into: Path) -> None:
    """Save the captions, if they can be had: without them the video is fetched all the same."""
    from yt_dlp.networking.exceptions import RequestError

    try:
        content = ydl.urlopen(vtt(tracks)).read(MOST_CAPTION_BYTES)
    except RequestError as error:
        tell(missed=str(error))
        return
    # If YouTube wants a PO token, it answers 200 without any content.
    if content.startswith(b"WEBVTT"):
        into.write_bytes(content)
    else:
        tell(missed="YouTube sent no captions")


def offer_po_tokens(server: str) -> None:
    """Register a provider of PO tokens, which asks a server with bgutil's protocol; plugins stay
    off."""
    from yt_dlp.extractor.youtube.pot import provider
    from yt_dlp.extractor.youtube.pot.utils import WEBPO_CLIENTS, get_webpo_content_binding
    from yt_dlp.networking.exceptions import RequestError

    @provider.register_provider
    class TokenServerPTP(provider.PoTokenProvider):  # type: ignore[misc]
        PROVIDER_NAME = "token-server"
        PROVIDER_VERSION = "1"
        BUG_REPORT_LOCATION = "the operator of this platform"
        _SUPPORTED_CLIENTS = WEBPO_CLIENTS
        _SUPPORTED_CONTEXTS = None
        _SUPPORTED_EXTERNAL_REQUEST_FEATURES = None

        def is_available(self) -> bool:
            return True

        def _real_request_pot(self, request: Any) -> Any:
            binding, _ = get_webpo_content_binding(request)
            try:
                with self._request_webpage(
                    token_request(server, binding, request.request_proxy)
                ) as answer:
                    return provider.PoTokenResponse(json.load(answer)["poToken"])
            except (RequestError, ValueError, KeyError) as error:
                raise provider.PoTokenProviderError(str(error), expected=True) from error


def token_request(server: str, binding: str | None, proxy: str | None) -> Any:
    """Make the request for a token.

    It is sent without proxy; the server uses YouTube's proxy itself.
    """
    from yt_dlp.networking import Request

    return Request(
        f"{server}/get_pot",
        data=json.dumps({"content_binding": binding, "proxy": proxy}).encode(),
        headers={"Content-Type": "application/json"},
        proxies={"all": None},
    )


def on_progress(event: Mapping[str, Any]) -> None:
    """Pass on the progress of one file, in bytes."""
    tells_pictures = event["info_dict"].get("vcodec") not in (None, "none")
    tell(
        progress={
            "part": "pictures" if tells_pictures else "sound",
            "finished": event["status"] == "finished",
            "received": event.get("downloaded_bytes") or 0,
            "total": event.get("total_bytes") or event.get("total_bytes_estimate"),
            "speed": event.get("speed"),
        }
    )


def pause(n: int) -> float:
    """Return the seconds before another try; `n` is the number of failures so far."""
    return min(0.5 * 2.0**n, LONGEST_PAUSE_SECONDS)


def failure(error: BaseException, warnings: Warnings) -> dict[str, Any]:
    """Describe an error by yt-dlp's exception types, and in its words."""
    from yt_dlp.networking.exceptions import HTTPError, TransportError
    from yt_dlp.utils import GeoRestrictedError

    causes = list(beneath(error))
    return {
        "said": str(error),
        "warned": [each for each in warnings.said if each != str(error)][-5:],
        "expected": any(getattr(cause, "expected", False) for cause in causes),
        "region": any(isinstance(cause, GeoRestrictedError) for cause in causes),
        "network": any(isinstance(cause, TransportError) for cause in causes),
        "status": next((cause.status for cause in causes if isinstance(cause, HTTPError)), None),
    }


def beneath(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes; yt-dlp keeps causes in attributes of its own."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        _, carried, _ = getattr(error, "exc_info", None) or (None, None, None)
        error = carried or getattr(error, "cause", None) or error.__cause__ or error.__context__


def read_order() -> Any:
    return json.loads(sys.stdin.readline())


def tell(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def end_on_request() -> None:
    """On SIGTERM, end together with everything yt-dlp has started (ffmpeg, a JavaScript runtime).

    A thread waits for the signal, because the main thread may be blocked in a DNS look-up.
    """

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        os.killpg(os.getpid(), signal.SIGKILL)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    end_on_request()
    warnings = Warnings()
    try:
        fetch(read_order(), warnings)
    except Exception as error:  # noqa: BLE001 - whatever YouTube provokes is the answer
        tell(failed=failure(error, warnings))


if __name__ == "__main__":
    main()
