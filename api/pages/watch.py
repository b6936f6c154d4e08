"""The player: the film with its original sound or any released dub of it.

    GET /watch?v=dQw4w9WgXcQ&lang=es

The original sound is the film's own first audio track. A dub is its M4A in an audio element
that `static/watch.js` keeps in step with the muted film.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from api.answers import captions, failure, source_captions
from api.desk import Desk, open_desk_of
from api.links import require_watchable, signed
from api.pages.render import render
from api.schemas import Failure
from dub_platform.core.errors import InvalidVideoIdError
from dub_platform.core.languages import AUTO, Language, language
from dub_platform.core.speech import Release
from dub_platform.core.videos import checked_id
from dub_platform.registry.port import Dub, Video

# What a viewer is told while an asset is made.
STAGES = {
    "source_media": "fetching the video",
    "audio": "taking the sound apart",
    "transcript": "listening",
    "translation": "translating",
    "speech": "speaking",
    "dubbed_track": "mixing",
    "r2_object": "publishing",
}


@dataclass(frozen=True)
class Sound:
    """What can be listened to. The original has no `track`: it is in the film."""

    language: Language
    original: bool
    chosen: bool
    track: str | None
    captions: Mapping[str, str]


@dataclass(frozen=True)
class Waiting:
    """The dub that was asked for and is not there: how far it is, or why it will not come."""

    language: Language
    status: str
    stage: str
    error: Failure | None


@dataclass(frozen=True)
class Player:
    """All that the page shows."""

    video_id: str
    title: str
    channel: str
    film: str | None
    sounds: Sequence[Sound]
    waiting: Waiting | None
    dagster_url: str | None


def watch(request: Request) -> Response:
    """The player of the video `v` in the language `lang`; the first released one by default."""
    desk, asked_for = open_desk_of(request), request.query_params.get("v")
    if not asked_for:
        raise InvalidVideoIdError("Say which video: this address ends with ?v= and the video's id.")
    video_id = checked_id(asked_for)
    video, dubs = desk.registry.with_dubs(video_id)
    require_watchable(request, video)
    lang = request.query_params.get("lang")
    asked = language(lang).code if lang else _first(video, dubs)
    return render(request, "watch.html", {"player": player(desk, video, dubs, asked)})


def player(desk: Desk, video: Video, dubs: Sequence[Dub], asked: str) -> Player:
    """What the page shows of the video when `asked` is the language to listen to."""
    released = _released(dubs)
    return Player(
        video_id=video.id,
        title=video.title or video.id,
        channel=_channel(desk, video),
        film=_address(desk, video, video.film_key) if video.film_key else None,
        sounds=[
            *_original(desk, video, released, asked),
            *(_dubbed(desk, video, *pair, asked) for pair in released),
        ],
        waiting=_waiting(video, dubs, asked),
        dagster_url=_made_at(desk, video, dubs, asked),
    )


def _made_at(desk: Desk, video: Video, dubs: Sequence[Dub], asked: str) -> str | None:
    """Where Dagster shows how it was made: the release in this language, or else the original."""
    if desk.dagster_url is None:
        return None
    is_dub = asked in [dub.language for dub in dubs]
    asset, partition = ("r2_object", f"{asked}|{video.id}") if is_dub else ("transcript", video.id)
    query = urlencode({"view": "partitions", "partition": partition})
    return f"{desk.dagster_url}/assets/{asset}?{query}"


def _channel(desk: Desk, video: Video) -> str:
    return desk.registry.channel(video.channel_id).title if video.channel_id else ""


def _first(video: Video, dubs: Sequence[Dub]) -> str:
    """The language to open with: a released one, else one that is being made."""
    codes = [*(code for code, _ in _released(dubs)), *(dub.language for dub in dubs)]
    return codes[0] if codes else video.language


def _released(dubs: Sequence[Dub]) -> list[tuple[str, Release]]:
    """Every language that can be listened to, also while it is made anew."""
    return [(dub.language, dub.release) for dub in dubs if dub.release]


def _original(
    desk: Desk, video: Video, released: Sequence[tuple[str, Release]], asked: str
) -> list[Sound]:
    """The film's own sound, with the source's captions that every release brings along; none
    while nobody knows its language, because then there is no film yet."""
    if video.language == AUTO:
        return []
    texts = _addresses(desk, video, source_captions(released[0][1])) if released else {}
    return [Sound(language(video.language), True, asked == video.language, None, texts)]


def _dubbed(desk: Desk, video: Video, code: str, release: Release, asked: str) -> Sound:
    track = _address(desk, video, release.track_key)
    texts = _addresses(desk, video, captions(release))
    return Sound(language(code), False, asked == code, track, texts)


def _waiting(video: Video, dubs: Sequence[Dub], asked: str) -> Waiting | None:
    if asked == video.language or asked in dict(_released(dubs)):
        return None
    dub = next((dub for dub in dubs if dub.language == asked), None)
    stage = (dub.stage if dub else None) or video.stage or ""
    return Waiting(
        language=language(asked),
        status=dub.status.value if dub else "not asked for",
        stage=STAGES.get(stage, stage),
        error=failure(dub.error_details) if dub else None,
    )


def _addresses(desk: Desk, video: Video, keys: Mapping[str, str]) -> dict[str, str]:
    return {kind: _address(desk, video, key) for kind, key in keys.items()}


def _address(desk: Desk, video: Video, key: str) -> str:
    return signed(desk, video, desk.address(key))
