"""The player: the film with its original sound or any released dub of it.

    GET /watch?v=dQw4w9WgXcQ&lang=es        # the page
    GET /embed?v=dQw4w9WgXcQ&lang=es        # the player alone, for frames of other sites' pages

The original sound is the film's first audio track. A dub is an M4A in an audio element, which
`static/watch/sync.js` keeps in step with the muted film, or with YouTube's player where the film is
there alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import PAGE, Operation
from api.contract.responses import captions, failure, renewal, source_captions
from api.contract.schemas import Failure, WatchQuery
from api.pages.sentences import viewers_sentence
from api.pages.start import spoken_languages
from api.pages.texts import Texts, accepted_languages, all_texts, texts_for
from api.rendering import render
from api.services import Services, unscoped_services_of
from api.signed_links import require_watchable, sign_if_needed
from dub_platform.core.errors import (
    InvalidVideoIdError,
    LinkExpiredError,
    MisheardError,
    UnknownLanguageError,
    VideoNotFoundError,
)
from dub_platform.core.languages import AUTO, Language, language, nearest
from dub_platform.core.service.videos import check_video_id
from dub_platform.core.speech import Release
from dub_platform.registry.records import (
    Dub,
    DubStatus,
    Source,
    Stale,
    Video,
    VideoStatus,
    Visibility,
)

# In the order in which they are made; the first three once for a video.
STAGES = (
    *("source_media", "audio", "transcript"),
    *("translation", "speech", "dubbed_track", "r2_object"),
)
OF_VIDEO = 3
NOT_ASKED = "not asked for"
# Why a dub is stale, where requesting it again mends that.
SINCE = (Stale.SOURCE, Stale.TRANSLATION, Stale.WORDING)
# The texts that scripts show; each page has those of what can happen on it.
PLAYER_TEXTS = (
    *("play", "pause", "position_of", "ai_dubbed", "dub_lost", "film_lost", "go_on"),
    *("share_from", "copied", "copy_failed", "youtube_away"),
)
WAITING_TEXTS = ("since", "seconds", "minutes", "see_it", "use_captions", "believe", "listen_again")
KEY_TEXTS = (
    *("key_held", "key_wanted", "renew", "renew_about", "up_to_date", "out_of_date", "forgotten"),
)


@dataclass(frozen=True)
class Sound:
    """A sound that can be played. The original has no `track`, because it is in the film."""

    language: Language
    original: bool
    chosen: bool
    track: str | None
    captions: Mapping[str, str]


@dataclass(frozen=True)
class Waiting:
    """A sound that was requested and is not there yet, with what the viewer can do about it.

    `sentence` is for viewers; `for_operator` is shown where only this machine is answered. `asks`
    means that it can be requested here, `replaces` that another file must be uploaded, `settles`
    that somebody must say which language is spoken. `instead` are the languages that can be played,
    `done` how many of `STAGES` are made, `since` when the work began.
    """

    language: Language
    status: str
    stage: str
    done: int
    since: datetime | None
    error: Failure | None
    sentence: str
    for_operator: str
    asks: bool
    replaces: bool
    settles: bool
    instead: Sequence[tuple[Language, str]]


@dataclass(frozen=True)
class Outdated:
    """A stale dub that can be played; `since` is why, `usd` the approximate cost of making it
    anew."""

    language: Language
    since: Stale
    usd: float | None


@dataclass(frozen=True)
class Player:
    """All values of the page.

    `with_key` is what somebody who types a key can do here: `ask` for the dub, `settle` the spoken
    language, or `look` whether the dub is stale. Empty if there is nothing, or no key is needed.
    `youtube` is the id of a film that only YouTube has. `is_named` says that the address names the
    language, `also_made` are other languages that are being made, with their stages. `share` is the
    address to hand on, and `film_url` the film's for other sites: both are empty for a video that
    needs a signed link. `here` is the address of this page, with a signature where one is needed.
    """

    video_id: str
    asked: str
    is_named: bool
    youtube: str
    share: str
    film_url: str
    here: str
    also_made: Sequence[tuple[Language, str]]
    title: str
    channel: str
    film: str | None
    sounds: Sequence[Sound]
    waiting: Waiting | None
    outdated: Outdated | None
    dagster_url: str | None
    ask_for: str
    spoken: Sequence[Language]
    with_key: str

    @property
    def tracks(self) -> Sequence[Sound]:
        """The sounds that can be played without a film."""
        return [sound for sound in self.sounds if sound.track]


def watch(request: Request) -> Response:
    """Render the player of video `v` in language `lang`; by default a released one."""
    return _render(request, "watch.html")


def embed(request: Request) -> Response:
    """Render the player alone, which pages of other sites may show in a frame.

    There is nothing on it that changes anything, so such a page can trick nobody into a click.
    """
    return _render(request, "embed.html", ancestors="*")


def _render(request: Request, template: str, *, ancestors: str = "'none'") -> Response:
    services, asked_for = unscoped_services_of(request), request.query_params.get("v")
    if not asked_for:
        raise InvalidVideoIdError("Say which video: this address ends with ?v= and the video's id.")
    video_id = check_video_id(asked_for)
    whole = services.registry.whole(video_id)
    video, dubs = whole.video, whole.dubs
    require_watchable(request, video)
    lang, texts = request.query_params.get("lang"), texts_for(request, "watch")
    liked = accepted_languages(request)
    asked = _choose(video, dubs, lang) if lang else _first(video, dubs, liked)
    found = player(services, video, dubs, asked, texts, is_named=lang is not None)
    values = {
        "player": found,
        "t": texts,
        "script_texts": {key: texts[key] for key in _texts_of(found)},
        "stages": STAGES,
        "translations": all_texts("watch"),
    }
    frames = services.youtube_player if found.youtube else ""
    headers = {"vary": "Accept-Language", "content-language": texts.code}
    return render(request, template, values, headers=headers, frames=frames, ancestors=ancestors)


def _texts_of(player: Player) -> Iterator[str]:
    if player.film or player.youtube:
        yield from PLAYER_TEXTS
    if player.waiting:
        yield from WAITING_TEXTS
    if player.with_key:
        yield from KEY_TEXTS


def player(
    services: Services,
    video: Video,
    dubs: Sequence[Dub],
    asked: str,
    texts: Texts,
    *,
    is_named: bool,
) -> Player:
    """Collect the values of the page for a video; `asked` is the language to play."""
    released, waiting = _releases(dubs), _find_waiting(services, video, dubs, asked, texts)
    is_public = video.visibility is Visibility.PUBLIC
    return Player(
        video_id=video.id,
        asked=asked,
        is_named=is_named,
        youtube="" if video.film_key or not released else _find_on_youtube(video),
        share=f"{services.base_url}/watch?v={video.id}" if is_public else "",
        film_url=services.store.url(video.film_key) if video.film_key and is_public else "",
        here=sign_if_needed(services, video, f"/watch?v={video.id}&lang={asked}"),
        also_made=[
            (language(dub.language), dub.stage or video.stage or "")
            for dub in dubs
            if dub.language != asked and dub.status in (DubStatus.QUEUED, DubStatus.RUNNING)
        ],
        title=video.title or video.id,
        channel=_channel(services, video),
        film=_address(services, video, video.film_key) if video.film_key else None,
        sounds=[
            *_original_sound(services, video, released, asked),
            *(_dub_sound(services, video, *pair, asked) for pair in released),
        ],
        waiting=waiting,
        outdated=_find_outdated(services, video, dubs, asked),
        dagster_url=_made_at(services, video, dubs, asked),
        # The original is prepared with its first dub, so one requests a dub to get it.
        ask_for=dubs[0].language if asked == video.language and dubs else asked,
        spoken=spoken_languages(services) if waiting and waiting.settles else (),
        with_key=_with_key(services, waiting, is_dub=asked in dict(released)),
    )


def _find_on_youtube(video: Video) -> str:
    """Return YouTube's id of the video; empty if it is not from there."""
    return video.source_id or video.id if video.source is Source.YOUTUBE else ""


def _with_key(services: Services, waiting: Waiting | None, *, is_dub: bool) -> str:
    """Return what can be done with a key.

    The page is the same for everybody: without a key it reveals neither whether a dub is stale nor
    what it would cost.
    """
    if services.keys is None:
        return ""
    if waiting is None:
        return "look" if is_dub else ""
    if waiting.settles:
        return "settle"
    return "ask" if waiting.asks else ""


def _made_at(services: Services, video: Video, dubs: Sequence[Dub], asked: str) -> str | None:
    """Return Dagster's page of the release in this language, or of the transcript."""
    if services.dagster_url is None:
        return None
    is_dub = asked in [dub.language for dub in dubs]
    asset, partition = ("r2_object", f"{asked}|{video.id}") if is_dub else ("transcript", video.id)
    query = urlencode({"view": "partitions", "partition": partition})
    return f"{services.dagster_url}/assets/{asset}?{query}"


def _channel(services: Services, video: Video) -> str:
    return services.registry.channel(video.channel_id).title if video.channel_id else ""


def _choose(video: Video, dubs: Sequence[Dub], lang: str) -> str:
    """Return the language that is asked for, or the nearest that there is: `pt` for `pt-BR`."""
    asked = language(lang).code
    return nearest(asked, [video.language, *(dub.language for dub in dubs)]) or asked


def _first(video: Video, dubs: Sequence[Dub], liked: Iterator[str]) -> str:
    """Return the language to open with: a released one, if possible one that the viewer reads,
    else one that is being made."""
    codes = [*(code for code, _ in _releases(dubs)), *(dub.language for dub in dubs)]
    ready = [code for code, _ in _releases(dubs)]
    nearby = (nearest(code, ready) for code in liked if code != "*")
    return next(filter(None, nearby), codes[0] if codes else video.language)


def _releases(dubs: Sequence[Dub]) -> list[tuple[str, Release]]:
    """Return the language and release of every dub that can be played, also while it is made
    anew."""
    return [(dub.language, dub.release) for dub in dubs if dub.release]


def _original_sound(
    services: Services, video: Video, released: Sequence[tuple[str, Release]], asked: str
) -> list[Sound]:
    """Return the film's own sound, with the captions of the original speech.

    Empty while the language is unknown, because there is no film before that.
    """
    if video.language == AUTO:
        return []
    texts = _addresses(services, video, source_captions(released[0][1])) if released else {}
    return [Sound(language(video.language), True, asked == video.language, None, texts)]


def _dub_sound(services: Services, video: Video, code: str, release: Release, asked: str) -> Sound:
    track = _address(services, video, release.track_key)
    texts = _addresses(services, video, captions(release))
    return Sound(language(code), False, asked == code, track, texts)


def _find_waiting(
    services: Services, video: Video, dubs: Sequence[Dub], asked: str, texts: Texts
) -> Waiting | None:
    released = dict(_releases(dubs))
    is_original = asked == video.language
    if asked in released or (is_original and (video.film_key or released)):
        return None
    dub = next((dub for dub in dubs if dub.language == asked), None)
    status, details = _state(video, dub, dubs, is_original=is_original)
    error, stage = failure(details), (dub.stage if dub else None) or video.stage or ""
    failed, code = status == "failed", error.code if error else ""
    # Whether the viewer is allowed to is checked by the API, when the button is pressed.
    may_ask = not (is_original and not dubs)
    targets = services.targets(video.language)
    available = dub is not None or is_original or nearest(asked, targets) is not None
    replaces = failed and code.startswith(("media_", "video_"))
    return Waiting(
        language=language(asked),
        status=status if available else "not available",
        stage=stage,
        done=_count_done(video, stage),
        since=(dub.processing_started_at if dub else None) or video.processing_started_at,
        error=error,
        sentence=viewers_sentence(error, texts) if error else "",
        for_operator=error.message if error and services.is_local else "",
        asks=may_ask and available and (failed or status == NOT_ASKED) and not replaces,
        replaces=replaces and may_ask,
        settles=may_ask and code == MisheardError.code,
        instead=[
            (language(code), sign_if_needed(services, video, f"/watch?v={video.id}&lang={code}"))
            for code in released
        ],
    )


def _find_outdated(
    services: Services, video: Video, dubs: Sequence[Dub], asked: str
) -> Outdated | None:
    """Return what somebody who may request dubs can do about a stale one; None where keys are
    needed."""
    dub = next((dub for dub in dubs if dub.language == asked), None)
    if services.keys is not None or dub is None or dub.status is not DubStatus.RELEASED:
        return None
    since = [why for why in video.stale(dub) if why in SINCE]
    if not since:
        return None
    return Outdated(language(asked), since[0], renewal(services, video, asked).usd)


def _count_done(video: Video, stage: str) -> int:
    """Return how many stages are behind a dub; those of its video stay done while it waits."""
    if stage in STAGES:
        return STAGES.index(stage)
    return OF_VIDEO if video.status is VideoStatus.PREPARED else 0


def _state(
    video: Video, dub: Dub | None, dubs: Sequence[Dub], *, is_original: bool
) -> tuple[str, Mapping[str, Any] | None]:
    """Return the status of a language, and its error. The original is ready with the first dub."""
    if dub is not None:
        return dub.status.value, dub.error_details
    if not is_original:
        return NOT_ASKED, None
    if video.status is VideoStatus.FAILED:
        return "failed", video.error_details
    if dubs and all(each.status is DubStatus.FAILED for each in dubs):
        return "failed", dubs[0].error_details
    return ("queued" if dubs else NOT_ASKED), None


def _addresses(services: Services, video: Video, keys: Mapping[str, str]) -> dict[str, str]:
    return {kind: _address(services, video, key) for kind, key in keys.items()}


def _address(services: Services, video: Video, key: str) -> str:
    return sign_if_needed(services, video, services.address(key))


_ERRORS = (InvalidVideoIdError, UnknownLanguageError, VideoNotFoundError, LinkExpiredError)
OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/watch",
        watch,
        "The player of a video",
        {200: PAGE},
        query=WatchQuery,
        errors=_ERRORS,
    ),
    Operation(
        "GET",
        "/embed",
        embed,
        "The player of a video by itself, for a frame of another site's page",
        {200: PAGE},
        query=WatchQuery,
        errors=_ERRORS,
    ),
)
