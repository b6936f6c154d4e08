"""Converts rows of the registry into the answers of the API.

video_answer(services, whole, spent).model_dump(mode="json", exclude_none=True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel
from starlette.responses import Response

from api.contract.schemas import (
    ChannelAnswer,
    ChannelLink,
    ChannelPage,
    ChannelRow,
    DeliveriesQuery,
    DeliveryAnswer,
    DeliveryPage,
    DubAnswer,
    DubLinks,
    DubNumbers,
    DubRow,
    Estimate,
    Failure,
    PageQuery,
    Renderings,
    VideoAnswer,
    VideoLinks,
    VideoPage,
    VideoRow,
    WebhookAnswer,
    WebhookLinks,
    WebhookPage,
)
from api.services import Services
from api.signed_links import sign_if_needed
from dub_platform.core.errors import LinesNotReadyError
from dub_platform.core.languages import language
from dub_platform.core.service.cost import estimate_usd
from dub_platform.core.service.events import TYPES, select_public_details
from dub_platform.core.service.webhooks import Delivery, DeliveryState, Webhook
from dub_platform.core.speech import Release
from dub_platform.core.style.glossary import Glossary
from dub_platform.registry.ledger import Spent
from dub_platform.registry.records import Channel, Dub, DubState, Judged, Page, Video, Whole
from resources.catalogue.scripts import unpaid

# A cache that kept a secret would be a copy of it.
NO_STORE = {"cache-control": "no-store"}
_OF_SOURCE = "source_"
_UNRECORDED = {
    "code": "internal_error",
    "message": "It failed for a reason that was not recorded.",
}


class Listed(Protocol):
    """A row of a list that is split_page by ids."""

    @property
    def id(self) -> str: ...


ListedT = TypeVar("ListedT", bound=Listed)


def answer(
    body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Make a JSON answer, without the fields that have no value."""
    text = body.model_dump_json(exclude_none=True)
    return Response(text, status, headers, media_type="application/json")


def video_url(services: Services, video_id: str) -> str:
    """Return the address of a video in the API."""
    return f"{services.base_url}/videos/{video_id}"


def dub_url(services: Services, video_id: str, code: str) -> str:
    """Return the address of a dub in the API."""
    return f"{video_url(services, video_id)}/dubs/{code}"


def watch_url(services: Services, video: Video, code: str | None = None) -> str:
    """Return the address of a video's player, in a language; signed if the video needs it."""
    query = {"v": video.id, "lang": code} if code else {"v": video.id}
    return sign_if_needed(services, video, f"{services.base_url}/watch?{urlencode(query)}")


def channel_url(services: Services, channel_id: str) -> str:
    """Return the address of a channel in the API."""
    return f"{services.base_url}/channels/{channel_id}"


def video_answer(
    services: Services,
    whole: Whole,
    spent: Spent,
    *,
    created: bool | None = None,
    estimate: Estimate | None = None,
    captions_taken: bool | None = None,
) -> VideoAnswer:
    """Convert a video with all its dubs; `spent` is in dollars by language."""
    video, dubs = whole.video, whole.dubs
    codes = [dub.language for dub in dubs]
    return VideoAnswer(
        id=video.id,
        source=video.source,
        title=video.title,
        language=video.language,
        status=video.status,
        stage=video.stage,
        visibility=video.visibility,
        created_at=video.created_at,
        updated_at=video.updated_at,
        duration_seconds=video.duration_seconds,
        file_size_bytes=video.file_size_bytes,
        processing_started_at=video.processing_started_at,
        processing_completed_at=video.processing_completed_at,
        processing_duration_seconds=video.processing_duration_seconds,
        retry_count=video.retry_count,
        last_error_at=video.last_error_at,
        channel=_channel_link(services, whole),
        links=VideoLinks(
            self=video_url(services, video.id),
            dubs={code: dub_url(services, video.id, code) for code in codes},
            watch={code: watch_url(services, video, code) for code in codes},
        ),
        error=failure(video.error_details),
        cost_usd=sum(spent.values()),
        dubs=[dub_answer(services, video, dub, spent) for dub in dubs],
        created=created,
        estimate=estimate,
        captions_taken=captions_taken,
    )


def estimate_for(services: Services, codes: Sequence[str], seconds: float | None) -> Estimate:
    """Estimate the cost in dollars of dubbing `seconds` of speech into these languages.

    `seconds` is None for a link whose length is unknown: then only the price of a minute is told.
    """
    count = len(codes)
    minute = estimate_usd(seconds=60, languages=count, prices=services.prices)
    whole = (
        seconds
        if seconds is None
        else estimate_usd(seconds=seconds, languages=count, prices=services.prices)
    )
    return Estimate(
        usd=None if whole is None else round(whole, 6),
        usd_per_minute=round(minute, 6),
        seconds=seconds,
        languages=list(codes),
        prices_taken_on=services.prices.taken_on,
    )


def renewal(services: Services, video: Video, code: str) -> Estimate:
    """Estimate the cost of requesting a dub that may exist.

    If it exists, only lines whose text has changed since cost anything.
    """
    seconds = video.duration_seconds
    try:
        lines = unpaid(services.registry, services.store, video.id, code)
    except LinesNotReadyError:
        lines = None
    if lines is not None:
        seconds = sum(line.seconds for line in lines)
    return estimate_for(services, [code], seconds)


def dub_answer(services: Services, video: Video, dub: Dub, spent: Spent) -> DubAnswer:
    """Convert a dub; with the URLs and measurements of its release if it has one."""
    return DubAnswer(
        video_id=dub.video_id,
        language=dub.language,
        language_name=language(dub.language).name,
        status=dub.status,
        stage=dub.stage,
        generation=dub.generation,
        created_at=dub.created_at,
        updated_at=dub.updated_at,
        processing_started_at=dub.processing_started_at,
        processing_completed_at=dub.processing_completed_at,
        links=DubLinks(
            self=dub_url(services, video.id, dub.language),
            video=video_url(services, video.id),
            watch=watch_url(services, video, dub.language),
        ),
        error=failure(dub.error_details),
        cost_usd=spent.get(dub.language, 0.0),
        **_staleness(video, dub),
        glossary=_renderings(dub.glossary) or None,
        formality=dub.formality,
        **(_release_fields(services, video, dub.release) if dub.release else {}),
    )


def video_page(services: Services, page: Page, query: Mapping[str, str]) -> VideoPage:
    """Make a page of the listing; `query` is the query of this page, to make the next page's
    address."""
    dubs = services.registry.dub_states([video.id for video in page.videos])
    return VideoPage(
        videos=[_video_row(services, video, dubs[video.id]) for video in page.videos],
        **_next_page(services, "/videos", query, page.next_cursor),
    )


def split_page(
    services: Services, path: str, found: Sequence[ListedT], asked: PageQuery
) -> tuple[Sequence[ListedT], dict[str, str]]:
    """Split the rows found into those of this page and the link to the next.

    `found` has one row more than a page if there is a next one.
    """
    shown = found[: asked.limit]
    cursor = shown[-1].id if found[asked.limit :] else None
    query = asked.model_dump(mode="json", exclude_none=True)
    return shown, _next_page(services, path, query, cursor)


def channel_answer(services: Services, channel: Channel) -> ChannelAnswer:
    """Convert a channel with its wording."""
    return ChannelAnswer(
        id=channel.id,
        title=channel.title,
        glossary=_renderings(channel.glossary),
        formality=channel.formality,
        created_at=channel.created_at,
        updated_at=channel.updated_at,
        url=channel_url(services, channel.id),
    )


def channel_page(services: Services, found: Sequence[Channel], asked: PageQuery) -> ChannelPage:
    """Make a page of channels from the rows found; one may be too many (see `split_page`)."""
    shown, following = split_page(services, "/channels", found, asked)
    return ChannelPage(
        channels=[
            ChannelRow(
                id=channel.id,
                title=channel.title,
                terms=len(channel.glossary.entries),
                formality=channel.formality,
                url=channel_url(services, channel.id),
            )
            for channel in shown
        ],
        **following,
    )


def webhook_answer(
    services: Services, webhook: Webhook, *, secret: str | None = None
) -> WebhookAnswer:
    """Convert a webhook; `secret` is given only in the answer that creates it."""
    own = f"{services.base_url}/webhooks/{webhook.id}"
    return WebhookAnswer(
        id=webhook.id,
        url=webhook.url,
        events=list(webhook.events or TYPES),
        created_at=webhook.created_at,
        links=WebhookLinks(self=own, deliveries=f"{own}/deliveries"),
        secret=secret,
    )


def webhook_page(services: Services, found: Sequence[Webhook], asked: PageQuery) -> WebhookPage:
    """Make a page of webhooks from the rows found; one may be too many (see `split_page`)."""
    shown, following = split_page(services, "/webhooks", found, asked)
    return WebhookPage(webhooks=[webhook_answer(services, each) for each in shown], **following)


def delivery_answer(services: Services, delivery: Delivery) -> DeliveryAnswer:
    """Convert a message to a webhook, with the state of its delivery."""
    pending = delivery.state is DeliveryState.PENDING
    return DeliveryAnswer(
        id=delivery.id,
        type=delivery.type,
        state=delivery.state,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        next_attempt_at=delivery.due_at if pending else None,
        last_attempt_at=delivery.last_attempt_at,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        body=delivery.body,
        url=f"{services.base_url}/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}",
    )


def deliveries_page(
    services: Services, webhook_id: str, found: Sequence[Delivery], asked: DeliveriesQuery
) -> DeliveryPage:
    """Make a page of messages from the rows found; one may be too many (see `split_page`)."""
    shown, following = split_page(services, f"/webhooks/{webhook_id}/deliveries", found, asked)
    return DeliveryPage(deliveries=[delivery_answer(services, each) for each in shown], **following)


def failure(details: Mapping[str, Any] | None) -> Failure | None:
    """Convert the recorded details of a failure into what a user may read.

    The words of the tool that failed are left out, because they name paths of the machine.
    """
    told = select_public_details(details)
    return None if told is None else Failure(**{**_UNRECORDED, **told})


def captions(release: Release) -> dict[str, str]:
    """Return the keys of the dub's own captions, by format."""
    return {
        kind: key for kind, key in release.captions_keys.items() if not kind.startswith(_OF_SOURCE)
    }


def source_captions(release: Release) -> dict[str, str]:
    """Return the keys of the captions of the original speech, by format."""
    return {
        kind.removeprefix(_OF_SOURCE): key
        for kind, key in release.captions_keys.items()
        if kind.startswith(_OF_SOURCE)
    }


def _next_page(
    services: Services, path: str, query: Mapping[str, Any], cursor: str | None
) -> dict[str, str]:
    """Return the cursor and address of the next page; nothing after the last one."""
    if cursor is None:
        return {}
    url = f"{services.base_url}{path}?{urlencode({**query, 'cursor': cursor})}"
    return {"next_cursor": cursor, "next_url": url}


def _video_row(services: Services, video: Video, dubs: Sequence[DubState]) -> VideoRow:
    return VideoRow(
        id=video.id,
        source=video.source,
        title=video.title,
        language=video.language,
        status=video.status,
        created_at=video.created_at,
        duration_seconds=video.duration_seconds,
        processing_duration_seconds=video.processing_duration_seconds,
        dubs=[_dub_row(services, video, dub) for dub in dubs],
        url=video_url(services, video.id),
        watch_url=watch_url(services, video),
    )


def _dub_row(services: Services, video: Video, dub: DubState) -> DubRow:
    return DubRow(
        language=dub.language,
        status=dub.status,
        stage=dub.stage,
        released=dub.is_released,
        **_staleness(video, dub),
        updated_at=dub.updated_at,
        processing_started_at=dub.processing_started_at,
        processing_completed_at=dub.processing_completed_at,
        error=failure(dub.error_details),
        watch_url=watch_url(services, video, dub.language),
    )


def _staleness(video: Video, dub: Judged) -> dict[str, Any]:
    found = list(video.stale(dub))
    return {"stale": bool(found), "stale_because": found}


def _channel_link(services: Services, whole: Whole) -> ChannelLink | None:
    channel_id, title = whole.video.channel_id, whole.channel_title
    if channel_id is None or title is None:
        return None
    return ChannelLink(id=channel_id, title=title, url=channel_url(services, channel_id))


def _renderings(glossary: Glossary) -> Renderings:
    return {
        word: None if texts is None else dict(texts) for word, texts in glossary.entries.items()
    }


def _release_fields(services: Services, video: Video, release: Release) -> dict[str, Any]:
    def url(key: str) -> str:
        return sign_if_needed(services, video, services.store.url(key))

    return {
        "track_url": url(release.track_key),
        "video_url": url(video.film_key) if video.film_key else None,
        "captions_urls": {kind: url(key) for kind, key in captions(release).items()},
        "source_captions_urls": {kind: url(key) for kind, key in source_captions(release).items()},
        "manifest_url": url(release.manifest_key),
        "numbers": DubNumbers(
            seconds=release.seconds,
            lufs=release.lufs,
            true_peak_db=release.true_peak_db,
            onset_p95_ms=release.onset_p95_ms,
            tempo_p95=release.tempo_p95,
            bytes=release.bytes,
            cost_usd=release.cost_usd,
        ),
    }
