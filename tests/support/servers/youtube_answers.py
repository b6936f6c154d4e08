"""What YouTube answers about a video, in the shape that its pages and its player API have.

    normal = Answer(player=playable("dQw4w9WgXcQ", seconds=3))
    gone = Answer(player=refuse("dQw4w9WgXcQ", "ERROR", "Video unavailable", "This video ..."))

Only what yt-dlp's extractor reads is there; names, nesting and sentences are YouTube's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MEDIA_HOST = "rr1---sn-test.googlevideo.com"
SIGNATURE = "AJfQdSswRgIhAKw"
TITLE = "How bread is made"
CHANNEL = "The Bakery"
CHANNEL_ID = "UC0123456789012345678901"
VISITOR = "CgtWaXNpdG9y"


@dataclass(frozen=True)
class Answer:
    """One video: what its player says, the captions by address, and the media by itag."""

    player: Json
    captions: Mapping[str, str]
    media: Mapping[int, bytes]

    def page(self, video_id: str) -> str:
        """The watch page, with the same answer in it."""
        return (
            f"<!DOCTYPE html><html><head></head><body>{configuration('WEB')}"
            f"<script>var ytInitialPlayerResponse = {json.dumps(self.player)};</script>"
            f"<script>var ytInitialData = {json.dumps(_page_data(self.player))};</script>"
            "</body></html>"
        )


def configuration(client: str) -> str:
    """What a page tells the player that runs in it: which client it is, and whose visit."""
    told = {
        "INNERTUBE_CONTEXT": {"client": {"clientName": client, "visitorData": VISITOR}},
        "VISITOR_DATA": VISITOR,
        "PLAYER_JS_URL": "/s/player/0123abcd/player_ias.vflset/en_US/base.js",
    }
    return f"<script>ytcfg.set({json.dumps(told)});</script>"


def playable(
    video_id: str,
    *,
    seconds: int,
    formats: Sequence[Json],
    captions: Sequence[Json] = (),
    **details: Any,
) -> Json:
    """A video that plays. `details` are fields of its videoDetails, such as isLive."""
    return {
        **_about(video_id, seconds, details),
        "playabilityStatus": {"status": "OK", "playableInEmbed": True},
        "streamingData": {"expiresInSeconds": "21540", "adaptiveFormats": list(formats)},
        "captions": {"playerCaptionsTracklistRenderer": {"captionTracks": list(captions)}},
    }


def refuse(video_id: str, status: str, reason: str, subreason: str = "", **details: Any) -> Json:
    """Answer for a video that is not played, with the reason that stands in place of the
    picture."""
    screen = {"reason": {"simpleText": reason}, "subreason": {"simpleText": subreason}}
    return {
        **_about(video_id, 0, details),
        "playabilityStatus": {
            "status": status,
            "reason": reason,
            "errorScreen": {"playerErrorMessageRenderer": screen},
        },
    }


def pictures(itag: int, height: int, size: int, **fields: Any) -> Json:
    """A format of pictures alone."""
    return {
        **_format(itag, size, 'video/mp4; codecs="avc1.4d400c"'),
        "width": height * 16 // 9,
        "height": height,
        "fps": 25,
        "qualityLabel": f"{height}p",
        **fields,
    }


def sound(itag: int, size: int, *, bitrate: int = 129_000, **fields: Any) -> Json:
    """A format of sound alone; with `audioTrack`, in one of the video's languages."""
    return {
        **_format(itag, size, 'audio/mp4; codecs="mp4a.40.2"'),
        "bitrate": bitrate,
        "audioQuality": "AUDIO_QUALITY_MEDIUM",
        "audioSampleRate": "44100",
        "audioChannels": 2,
        **fields,
    }


def audio_track(language: str, name: str, *, default: bool) -> Json:
    return {"audioTrack": {"id": f"{language}.4", "displayName": name, "audioIsDefault": default}}


def caption_track(video_id: str, language: str, *, automatic: bool = False) -> Json:
    """Captions by people, or by YouTube's own recognition."""
    kind = "&kind=asr" if automatic else ""
    return {
        "baseUrl": f"https://www.youtube.com/api/timedtext?v={video_id}&lang={language}{kind}",
        "name": {"simpleText": language},
        "vssId": f"{'a' if automatic else ''}.{language}",
        "languageCode": language,
        "isTranslatable": True,
        **({"kind": "asr"} if automatic else {}),
    }


def _format(itag: int, size: int, mime: str) -> Json:
    return {
        "itag": itag,
        "url": f"https://{MEDIA_HOST}/videoplayback?itag={itag}&sig={SIGNATURE}",
        "mimeType": mime,
        "contentLength": str(size),
        "averageBitrate": 100_000,
    }


def _about(video_id: str, seconds: int, details: Mapping[str, Any]) -> Json:
    return {
        "responseContext": {"visitorData": VISITOR},
        "videoDetails": {
            "videoId": video_id,
            "title": TITLE,
            "lengthSeconds": str(seconds),
            "channelId": CHANNEL_ID,
            "isLiveContent": False,
            "isPrivate": False,
            "author": CHANNEL,
            **details,
        },
    }


def _page_data(player: Json) -> Json:
    channel = player["videoDetails"]["author"]
    owner = {"videoOwnerRenderer": {"title": {"runs": [{"text": channel}]}}}
    contents = [{"videoSecondaryInfoRenderer": {"owner": owner}}]
    return {
        "contents": {"twoColumnWatchNextResults": {"results": {"results": {"contents": contents}}}}
    }
