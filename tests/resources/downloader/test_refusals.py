"""What YouTube does not give out, told by the real extractor from YouTube's own answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

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
    VideoTooLongError,
)
from dub_platform.registry.records import Video
from resources.downloader.refusals import redact, refusal_for
from resources.downloader.youtube import YouTubeDownloader
from tests.resources.downloader.conftest import ID, Media
from tests.support.servers.youtube import YouTube
from tests.support.servers.youtube_answers import SIGNATURE, Answer

Make = Callable[..., YouTubeDownloader]

REFUSED = {
    "private": (
        SourcePrivateError,
        (
            "LOGIN_REQUIRED",
            "Private video",
            "Sign in if you've been granted access to this video",
        ),
        "make it public",
    ),
    "members": (
        SourcePrivateError,
        (
            "UNPLAYABLE",
            (
                "Join this channel to get access to members-only content like this video, and "
                "other exclusive perks."
            ),
        ),
        "members only",
    ),
    "removed": (
        SourceRemovedError,
        ("ERROR", "Video unavailable", "This video has been removed by the uploader"),
        "was removed",
    ),
    "removed by law": (
        SourceRemovedError,
        (
            "ERROR",
            (
                "This video has been removed for violating YouTube's policy on hate speech. Learn "
                "more about combating hate speech in your country."
            ),
        ),
        "was removed",
    ),
    "age": (
        SourceAgeRestrictedError,
        (
            "LOGIN_REQUIRED",
            "Sign in to confirm your age",
            "This video may be inappropriate for some users.",
        ),
        "DUB_YOUTUBE_COOKIES",
    ),
    "region": (
        SourceRegionBlockedError,
        (
            "UNPLAYABLE",
            "Video unavailable",
            "The uploader has not made this video available in your country",
        ),
        "DUB_YOUTUBE_PROXY",
    ),
    "copyright in a region": (
        SourceRegionBlockedError,
        (
            "UNPLAYABLE",
            "Video unavailable",
            (
                "This video contains content from SME, who has blocked it in your country on "
                "copyright grounds"
            ),
        ),
        "DUB_YOUTUBE_PROXY",
    ),
    "bot check": (
        SourceBotCheckError,
        (
            "LOGIN_REQUIRED",
            "Sign in to confirm you’re not a bot",
            "This helps protect our community. Learn more",
        ),
        "DUB_YOUTUBE_PO_TOKEN_URL",
    ),
    "upcoming": (
        SourceLiveError,
        ("LIVE_STREAM_OFFLINE", "This live event will begin in 5 hours."),
        "hand it in again",
    ),
    "premiere": (
        SourceLiveError,
        ("LIVE_STREAM_OFFLINE", "Premieres in 3 hours"),
        "hand it in again",
    ),
    "too many requests": (
        SourceUnreachableError,
        ("UNPLAYABLE", "This content isn't available, try again later."),
        "wait an hour",
    ),
    "a reason unheard of": (
        SourceUnavailableError,
        ("UNPLAYABLE", "The moon is in the wrong house"),
        "The moon is in the wrong house",
    ),
}


@pytest.fixture
def refusal(
    youtube: YouTube, downloader: Make, video: Video, folder: Path
) -> Callable[[], DubError]:
    """Why the video is not taken; asserts that nothing was downloaded or left behind."""

    def find() -> DubError:
        with pytest.raises(DubError) as refused:
            downloader().fetch(video, folder)
        assert [] == youtube.media_asked()
        assert [] == list(folder.iterdir())
        assert "://" not in str(refused.value.as_details())
        return refused.value

    return find


@pytest.mark.parametrize(("kind", "reason", "helps"), REFUSED.values(), ids=REFUSED)
def test_each_reason_has_its_own_error(
    refusing: Callable[..., None],
    refusal: Callable[[], DubError],
    kind: type[SourceError],
    reason: tuple[str, ...],
    helps: str,
) -> None:
    """The sentence says what helps, and the detail keeps YouTube's words."""
    refusing(*reason)
    refused = refusal()
    assert kind is type(refused)
    assert helps in refused.sentence
    assert reason[-1].partition(".")[0] in str(refused.detail) or reason[1] in str(refused.detail)


@pytest.mark.parametrize(
    "details", [{"isLive": True}, {"isUpcoming": True}, {"isPostLiveDvr": True}], ids=str
)
def test_a_stream_is_refused_though_it_plays(
    normal: Callable[..., Answer], refusal: Callable[[], DubError], details: dict[str, bool]
) -> None:
    """Live, waiting to begin, or ended and not yet a recording."""
    normal(isLiveContent=True, **details)
    assert isinstance(refusal(), SourceLiveError)


def test_a_stream_that_has_become_a_recording_is_taken(
    normal: Callable[..., Answer], downloader: Make, video: Video, folder: Path
) -> None:
    """It is a video like any other."""
    normal(isLiveContent=True, isLive=False)
    assert downloader(host_video=False).fetch(video, folder).path.exists()


def test_a_video_longer_than_the_limit_is_refused(
    normal: Callable[..., Answer], refusal: Callable[[], DubError]
) -> None:
    """With its length and the limit."""
    normal(seconds=61)
    refused = refusal()
    assert isinstance(refused, VideoTooLongError)
    assert "61 s long, and at most 60 s" in refused.sentence


def test_a_protected_video_is_refused(
    normal: Callable[..., Answer], media: Media, refusal: Callable[[], DubError]
) -> None:
    """Every format needs a key."""
    normal(formats=[{**each, "drmFamilies": ["WIDEVINE"]} for each in media.formats()])
    assert isinstance(refusal(), SourceDrmError)


def test_a_video_without_any_format_is_held_back(
    normal: Callable[..., Answer], refusal: Callable[[], DubError]
) -> None:
    """YouTube says that it plays and gives nothing to play."""
    normal(formats=[])
    refused = refusal()
    assert isinstance(refused, SourceBotCheckError)
    assert "deno" in refused.sentence


def test_a_trailer_is_not_taken_for_its_film(
    youtube: YouTube, normal: Callable[..., Answer], refusal: Callable[[], DubError]
) -> None:
    """A film for sale answers with another video's id."""
    answer = normal()
    trailer = {"playerLegacyDesktopYpcTrailerRenderer": {"trailerVideoId": "aaaaaaaaaaa"}}
    status = {
        "status": "UNPLAYABLE",
        "reason": "This video requires payment",
        "errorScreen": trailer,
    }
    youtube.shows(ID, replace(answer, player={**answer.player, "playabilityStatus": status}))
    refused = refusal()
    assert isinstance(refused, SourceUnavailableError)
    assert "trailer" in refused.sentence


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"said": "HTTP Error 403: Forbidden", "status": 403}, SourceBotCheckError),
        ({"said": "HTTP Error 429: Too Many Requests", "status": 429}, SourceUnreachableError),
        ({"said": "HTTP Error 503: Service Unavailable", "status": 503}, SourceUnreachableError),
        ({"said": "[Errno 104] Connection reset", "network": True}, SourceUnreachableError),
        (
            {"said": "[download] Got error: 5 bytes read. Giving up after 10 retries"},
            SourceUnreachableError,
        ),
        (
            {
                "said": "The moon is in the wrong house",
                "expected": True,
                "warned": ["[youtube] Unable to download API page: HTTP Error 500"],
            },
            SourceUnavailableError,
        ),
        (
            {
                "said": "Failed to extract any player response",
                "warned": ["[youtube] Unable to download API page: HTTP Error 500"],
            },
            SourceUnreachableError,
        ),
    ],
    ids=lambda value: str(value.get("said")) if isinstance(value, dict) else value.__name__,
)
def test_a_failure_of_the_line_is_told_from_a_refusal(
    failure: dict[str, object], kind: type[SourceError]
) -> None:
    """By the type of yt-dlp's exception where there is one, by its words where not."""
    assert kind is type(refusal_for(**failure))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("ERROR: [youtube] dQw4w9WgXcQ: Private video.", "Private video."),
        (
            f"got https://r1.googlevideo.com/videoplayback?sig={SIGNATURE}.",
            "got r1.googlevideo.com",
        ),
        ("(socks5://me:pw@proxy.test:1080/)", "(proxy.test:1080)"),
        (
            f"Max retries with url: /videoplayback?sig={SIGNATURE} (x)",
            "Max retries with url: /... (x)",
        ),
        (f"url: /api/manifest/hls/{'sig/' * 25} (x)", "url: /... (x)"),
        ("HTTP Error 403: Forbidden", "HTTP Error 403: Forbidden"),
    ],
)
def test_no_address_is_kept(said: str, kept: str) -> None:
    """Signatures and passwords are in them; the host alone tells what was asked."""
    assert kept == redact(said)
