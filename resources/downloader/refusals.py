"""YouTube's reasons for not giving a video out, in words that people understand.

    raise refusal_for(said="ERROR: [youtube] ...: Private video. Sign in if ...")

YouTube gives its reasons as English sentences (yt-dlp asks for English), yt-dlp its own; this is
the only module that matches either. URLs are removed from every text that is stored: a media URL
has a signature, and a proxy's may have a password.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dub_platform.core.errors import (
    DubError,
    SourceAgeRestrictedError,
    SourceBotCheckError,
    SourceDrmError,
    SourceError,
    SourceLiveError,
    SourcePrivateError,
    SourceRegionBlockedError,
    SourceRemovedError,
    SourceUnavailableError,
    SourceUnreachableError,
)
from resources.system.disk import full_disk, says_full

_BOT_HELP = (
    "What helps: cookies of a browser that is signed in (DUB_YOUTUBE_COOKIES names the file), a "
    "PO token server (DUB_YOUTUBE_PO_TOKEN_URL), a JavaScript runtime (pip install deno), or "
    "another way to the internet (DUB_YOUTUBE_PROXY)."
)
_LIVE = "It can be dubbed when it has ended and YouTube shows its recording: hand it in again then."

UNFINISHED = {
    "is_upcoming": "has not begun",
    "is_live": "is live just now",
    "post_live": "has only just ended",
}

UNREACHABLE = (
    "YouTube could not be reached, so the video could not be fetched. It is tried again; if it "
    "keeps failing, check this machine's way to the internet, or DUB_YOUTUBE_PROXY where it is set."
)
BUSY = (
    "YouTube refuses this machine for a while because too much was asked of it. It is tried "
    "again; if it keeps failing, wait an hour, or fetch fewer videos at a time."
)
WITHHELD = f"YouTube holds the sound of this video back from this machine. {_BOT_HELP}"


@dataclass(frozen=True)
class Refusal:
    """A reason: the pattern that recognises it, its error, and the sentence for people."""

    signs: re.Pattern[str]
    error: type[SourceError]
    sentence: str


def _refusal(signs: str, error: type[SourceError], sentence: str) -> Refusal:
    return Refusal(re.compile(signs, re.IGNORECASE), error, sentence)


# The first match is the reason. So removals come before countries: some texts about removals end
# with "... in your country".
REFUSALS = (
    _refusal(
        r"not a bot|captcha|IP is likely being blocked",
        SourceBotCheckError,
        f"YouTube takes this machine for a bot and wants somebody to sign in. {_BOT_HELP}",
    ),
    _refusal(r"rate-limited|try again later", SourceUnreachableError, BUSY),
    _refusal(
        r"confirm your age|age-restricted|age verification|inappropriate for some users",
        SourceAgeRestrictedError,
        "YouTube shows this video to adults only, and only when they are signed in. Ask the "
        "operator to set DUB_YOUTUBE_COOKIES to the cookies of such an account, or upload the "
        "file.",
    ),
    _refusal(
        r"members-only|members on level|only available to .* members",
        SourcePrivateError,
        "This video is for paying members only. Ask its owner for the file and upload it.",
    ),
    _refusal(
        r"private video|video is private",
        SourcePrivateError,
        "This video is private. Ask its owner to make it public or unlisted, or upload the file.",
    ),
    _refusal(
        r"removed|terminated|no longer available|isn.t available any ?more|video is unavailable",
        SourceRemovedError,
        "YouTube has no such video: it was removed, or there is a mistake in its id. Check that "
        "its page still plays, or upload the file.",
    ),
    _refusal(
        r"(live event|premiere) will begin|premieres in|live event has ended|is offline",
        SourceLiveError,
        f"This video is a stream or premiere that cannot be watched yet. {_LIVE}",
    ),
    _refusal(
        r"available in your country|blocked it.* in your country|geo.?restrict",
        SourceRegionBlockedError,
        "YouTube does not show this video in the country that this machine is in. Ask the operator "
        "to set DUB_YOUTUBE_PROXY to a proxy in a country where it plays, or upload the file.",
    ),
    _refusal(
        r"DRM protected",
        SourceDrmError,
        "This video is protected against copying (DRM), as bought and rented films are, so it "
        "cannot be dubbed. Hand in a file without protection.",
    ),
    _refusal(
        r"requested format is not available|no video formats found|only images are available",
        SourceBotCheckError,
        WITHHELD,
    ),
)
_NETWORK = re.compile(
    r"unable to download|HTTP Error (429|5\d\d)|timed out|got error", re.IGNORECASE
)


def refusal_for(
    *,
    said: str,
    warned: Sequence[str] = (),
    expected: bool = False,
    region: bool = False,
    network: bool = False,
    status: int | None = None,
) -> DubError:
    """Return the error for a failure of yt-dlp; its words, without URLs, are the detail.

    `expected` (YouTube's own refusal, no failure of yt-dlp), `region`, `network` and the HTTP
    `status` come from yt-dlp's exceptions.
    """
    words = redact("\n".join([said, *warned]))
    if says_full(words):
        return full_disk("the download", words)
    # If yt-dlp's error says nothing useful, the network's failure is in an earlier warning.
    network = network or bool(_NETWORK.search(said if expected else words))
    error, sentence = _by_words(said, region) or _by_type(network, status, words)
    return error(sentence, detail=words[:2000])


def redact(text: str) -> str:
    """Return the text without yt-dlp's prefix, its hints for its own users, and URLs."""
    text = re.sub(r"^ERROR: (\[\w+\] )?([\w-]{11}: )?", "", text)
    text = re.sub(r" ?Use --cookies-from-browser.*?exporting YouTube cookies", "", text)
    text = re.sub(r"[a-z][a-z0-9+.-]*://([^\s/@]*@)?([^\s/?#'\")]*)[^\s'\")]*", r"\2", text)
    return re.sub(r"(?<!\w)/[^\s'\")]*[?=][^\s'\")]*|(?<!\w)/[^\s'\")]{80,}", "/...", text)


def not_this_video() -> SourceUnavailableError:
    """Make the error for a trailer, which YouTube returns for films that must be bought or
    rented."""
    return SourceUnavailableError(
        "YouTube gives out a trailer in place of this video, as it does with films that are "
        "bought or rented. Upload the file."
    )


def live(status: str) -> SourceLiveError:
    """Make the error for a stream that is no recording yet; `status` is yt-dlp's live_status."""
    return SourceLiveError(f"This stream {UNFINISHED[status]}. {_LIVE}")


def _by_words(said: str, region: bool) -> tuple[type[SourceError], str] | None:
    for refusal in REFUSALS:
        if refusal.signs.search(said) or (region and refusal.error is SourceRegionBlockedError):
            return refusal.error, refusal.sentence
    return None


def _by_type(network: bool, status: int | None, words: str) -> tuple[type[SourceError], str]:
    if status == 403:
        return SourceBotCheckError, WITHHELD
    if status == 429:
        return SourceUnreachableError, BUSY
    if network:
        return SourceUnreachableError, UNREACHABLE
    return SourceUnavailableError, (
        f"YouTube does not give this video out: {words[:300]} Check that it plays without signing "
        "in, and that yt-dlp is up to date, or upload the file."
    )
