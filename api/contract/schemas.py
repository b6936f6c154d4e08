"""The shapes of requests and answers, field by field.

    order = parse(VideoOrder, body)          # JSON bytes; or a mapping of form fields
    order.languages

A request that does not fit its shape raises InvalidRequestError, with one sentence for its sender.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FutureDatetime,
    PlainValidator,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails, from_json
from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from typing_extensions import Self

from dub_platform.core.errors import InvalidRequestError
from dub_platform.core.service.access import Scope
from dub_platform.core.service.events import TYPES
from dub_platform.core.service.titles import LONGEST_TITLE, make_plain
from dub_platform.core.service.webhooks import DeliveryState
from dub_platform.core.style.brief import Formality
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording
from dub_platform.registry.records import DubStatus, Source, Stale, VideoStatus, Visibility

MAX_LANGUAGES = 20


def _event_type(given: str) -> str:
    if given not in TYPES:
        raise ValueError(f"it is none of {', '.join(TYPES)}")
    return given


def _visible_title(given: str) -> str:
    if not (title := make_plain(given)):
        raise ValueError("there is nothing to read in it")
    return title


Languages = Annotated[
    list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=MAX_LANGUAGES)
]
LanguageCode = Annotated[str, Field(max_length=20)]
EventType = Annotated[str, AfterValidator(_event_type)]
Renderings = dict[str, dict[str, str] | None]
_FILE = {"type": "string", "format": "binary"}


def _glossary(given: Any) -> Glossary | None:
    return None if given is None else Glossary.parse(given)


def _glossary_in(field: Any) -> Glossary | None:
    """Read the glossary of a form, which is a JSON text, or empty if nobody wrote one."""
    if not isinstance(field, str):
        return _glossary(field)
    if not field.strip():
        return None
    try:
        given = from_json(field)
    except ValueError as error:
        raise InvalidRequestError("The field `glossary` is not valid JSON.") from error
    _require_members_once(field)
    return _glossary(given)


def _with_files(schema: dict[str, Any]) -> None:
    schema["properties"].update(file=_FILE, captions=_FILE)
    schema["required"].append("file")


def _with_captions(schema: dict[str, Any]) -> None:
    schema["properties"] = {"captions": _FILE}
    schema["required"] = ["captions"]


class RequestShape(BaseModel):
    """A part of a request. Unknown fields are refused: they are probably misspelt."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WithWording(RequestShape):
    """A request that may set the wording of dubs; what it leaves out stays as it was."""

    glossary: Annotated[Glossary | None, PlainValidator(_glossary, Renderings | None)] = None
    formality: Formality | None = None

    @property
    def wording(self) -> Wording:
        return Wording(self.glossary, self.formality)


class WithDryRun(RequestShape):
    """A request that can be a dry run: `dry_run` may be in its body or in its query."""

    dry_run: bool = False

    def with_dry_run_of(self, query: DryRunQuery) -> Self:
        """Return the request with `dry_run` of the query.

        Raises InvalidRequestError if body and query disagree.
        """
        if query.dry_run is None:
            return self
        if "dry_run" in self.model_fields_set and self.dry_run != query.dry_run:
            raise InvalidRequestError(
                f"The query says dry_run={str(query.dry_run).lower()} and the body says "
                f"{str(self.dry_run).lower()}, so nothing was done. Say it once."
            )
        return self.model_copy(update={"dry_run": query.dry_run})


class VideoOrder(WithWording, WithDryRun):
    """POST /videos as JSON. `source` is a YouTube id or the address of its page."""

    source: Annotated[str, Field(min_length=1, max_length=2048)]
    languages: Languages
    source_language: LanguageCode | None = None
    visibility: Visibility | None = None


class UploadOrder(WithWording, WithDryRun):
    """The fields beside the file in a POST /videos as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=_with_files)

    languages: Languages
    title: str = ""
    source_language: LanguageCode | None = None
    glossary: Annotated[Glossary | None, PlainValidator(_glossary_in, str | None)] = None
    formality: Annotated[Formality | None, BeforeValidator(lambda text: text or None)] = None
    visibility: Annotated[Visibility | None, BeforeValidator(lambda text: text or None)] = None


class VideoChange(RequestShape):
    """The body of PATCH /videos/{id}; what is left out stays.

    With `believe`, the video is dubbed from what was recognised, however unsure the recogniser is.
    """

    visibility: Visibility | None = None
    title: (
        Annotated[str, Field(max_length=LONGEST_TITLE), AfterValidator(_visible_title)] | None
    ) = None
    source_language: LanguageCode | None = None
    believe: Literal[True] | None = None


class CaptionsOrder(RequestShape):
    """PUT /videos/{id}/captions as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=_with_captions)


class DryRunQuery(RequestShape):
    """The query of an operation that can be a dry run, which only answers what it would cost."""

    dry_run: bool | None = None


class LanguagesQuery(RequestShape):
    """The query of GET /languages."""

    source_language: LanguageCode | None = None


class DubOrder(WithWording, WithDryRun):
    """PUT /videos/{id}/dubs/{language}."""


class ChannelOrder(WithWording):
    """PUT /channels/{id}."""

    title: str | None = None


class VideosQuery(RequestShape):
    """The query of GET /videos.

    `language` and `dub_status` select videos that have such a dub: one in this language, in this
    state. `search` is a part of the title, or the beginning of the id.
    """

    status: VideoStatus | None = None
    language: LanguageCode | None = None
    dub_status: DubStatus | None = None
    search: Annotated[str, Field(max_length=200)] = ""
    order: Literal["newest", "oldest"] = "newest"
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class PageQuery(RequestShape):
    """The query of a list: where the page begins, and how many rows it has."""

    # Only characters of ids: PostgreSQL fails on a text with a NUL.
    cursor: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class SignedLinkQuery(BaseModel):
    """The query of a signed link: the time it expires at, and its signature."""

    expires: int | None = None
    signature: str | None = None


class WatchQuery(SignedLinkQuery):
    """The query of GET /watch and /embed: a video, the language to play, the time to begin at, as
    12, 1m12s or 1h2m3s, and `hl`, the language of the page itself."""

    v: str
    lang: str | None = None
    t: str | None = None
    hl: str | None = None


class OEmbedQuery(RequestShape):
    """The query of GET /oembed (oembed.com): the address of a video's page, and how large what is
    shown may be, in pixels. Sites send further parameters of their own."""

    model_config = ConfigDict(extra="ignore")

    url: Annotated[str, Field(max_length=2000)]
    format: Literal["json"] = "json"
    maxwidth: Annotated[int, Field(ge=1, le=10_000)] | None = None
    maxheight: Annotated[int, Field(ge=1, le=10_000)] | None = None


class OEmbedAnswer(BaseModel):
    """What another site's page shows of a video: `html` is a frame with the player."""

    version: Literal["1.0"] = "1.0"
    type: Literal["video"] = "video"
    title: str
    provider_name: str
    provider_url: str
    width: int
    height: int
    html: str


class EditQuery(BaseModel):
    """The query of GET /edit: a video and the language of a dub, which `line` to go to, and `hl`,
    the language of the page itself."""

    v: str
    lang: str
    line: int | None = None
    hl: str | None = None


class Problem(BaseModel):
    """A problem document (RFC 9457).

    `code` never changes; `detail` is a sentence for people. `current` comes with the code
    `precondition_failed`: what is there now, with its `etag`.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    current: dict[str, Any] | None = None


class WebhookOrder(RequestShape):
    """The body of POST /webhooks.

    No `events` means all; without a `secret` the platform makes one.
    """

    url: Annotated[str, Field(min_length=1, max_length=2048)]
    events: tuple[EventType, ...] = ()
    secret: Annotated[SecretStr, Field(max_length=200)] | None = None


class DeliveriesQuery(PageQuery):
    """The query of GET /webhooks/{id}/deliveries."""

    state: DeliveryState | None = None


class KeyOrder(RequestShape):
    """The body of POST /keys. `expires_at` has a time zone; without it the key never expires."""

    name: Annotated[str, Field(max_length=100)] = ""
    scopes: Annotated[frozenset[Scope], Field(min_length=1)] = frozenset({Scope.READ, Scope.WRITE})
    expires_at: FutureDatetime | None = None

    @field_validator("expires_at")
    @classmethod
    def _is_aware(cls, given: datetime | None) -> datetime | None:
        if given is not None and given.tzinfo is None:
            raise ValueError("it has no time zone: end it with Z for UTC")
        return given


class KeyAnswer(BaseModel):
    """One API key, without its token, which is stored nowhere."""

    id: str
    tenant: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @field_validator("scopes", mode="before")
    @classmethod
    def _in_order(cls, scopes: Collection[Scope]) -> list[Scope]:
        return [scope for scope in Scope if scope in scopes]


class NewKeyAnswer(KeyAnswer):
    """The answer to POST /keys; `key` is the token, which is shown only here."""

    key: str


class KeyPage(BaseModel):
    """A page of a tenant's keys, the newest first; `next_url` is absent on the last one."""

    keys: list[KeyAnswer]
    next_cursor: str | None = None
    next_url: str | None = None


class Failure(BaseModel):
    """Why a video or a dub failed, in words for its user; `retryable` tells if a retry may help."""

    code: str
    message: str
    retryable: bool = False


class VideoLinks(BaseModel):
    self: str
    dubs: dict[str, str]
    watch: dict[str, str]


class DubLinks(BaseModel):
    self: str
    video: str
    watch: str


class DubNumbers(BaseModel):
    """Measurements of the released track. The onset is compared to the original's, in ms."""

    seconds: float
    lufs: float
    true_peak_db: float
    onset_p95_ms: float
    tempo_p95: float
    bytes: int
    cost_usd: float


class DubAnswer(BaseModel):
    """One dub. URLs and `numbers` are there once it was released; while it is made anew they are
    those of the old release.

    A `stale` dub no longer says what it should. `stale_because` names the reasons: `source` (the
    speech of the video was corrected), `translation` (the video was translated anew), `wording`
    (the channel's wording changed), `edits` (the source of edited lines was corrected, so somebody
    must look at the edits). Requesting the dub again mends all but the last. `glossary` and
    `formality` are those that it was requested with.
    """

    video_id: str
    language: str
    language_name: str
    status: DubStatus
    stage: str | None
    generation: int
    created_at: datetime
    updated_at: datetime
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    links: DubLinks
    cost_usd: float
    stale: bool
    stale_because: list[Stale]
    glossary: Renderings | None = None
    formality: Formality | None = None
    error: Failure | None = None
    track_url: str | None = None
    video_url: str | None = None
    captions_urls: dict[str, str] | None = None
    source_captions_urls: dict[str, str] | None = None
    manifest_url: str | None = None
    numbers: DubNumbers | None = None


class LanguageAnswer(BaseModel):
    """A language that videos can be dubbed into here: its BCP 47 tag, its name, and who makes it.

    `translated_by` has one engine or model, or two, the first into English. `direction` is `rtl`
    where it is written from right to left.
    """

    language: str
    name: str
    direction: Literal["ltr", "rtl"]
    translated_by: list[str]
    spoken_by: str


class LanguagesAnswer(BaseModel):
    """The languages that a video in `source_language` can be dubbed into, in the order of codes."""

    source_language: str
    languages: list[LanguageAnswer]


class Estimate(BaseModel):
    """The approximate cost in dollars; without `usd` for a link whose length is unknown."""

    usd: float | None
    usd_per_minute: float
    seconds: float | None
    languages: list[str]
    prices_taken_on: date


class Quote(BaseModel):
    """The answer to a dry run: nothing was accepted."""

    id: str
    dry_run: bool = True
    estimate: Estimate


class ChannelAnswer(BaseModel):
    """One channel, and the wording for the dubs of its videos."""

    id: str
    title: str
    glossary: Renderings
    formality: Formality | None
    created_at: datetime
    updated_at: datetime
    url: str


class ChannelRow(BaseModel):
    """One channel of a listing; `terms` is the number of words in its glossary, which is at
    `url`."""

    id: str
    title: str
    terms: int
    formality: Formality | None
    url: str


class ChannelPage(BaseModel):
    """A page of the listing, in the order of ids; `next_url` is absent on the last one."""

    channels: list[ChannelRow]
    next_cursor: str | None = None
    next_url: str | None = None


class WebhookLinks(BaseModel):
    self: str
    deliveries: str


class WebhookAnswer(BaseModel):
    """One webhook; its `secret` only in the answer to POST /webhooks."""

    id: str
    url: str
    events: list[str]
    created_at: datetime
    links: WebhookLinks
    secret: str | None = None


class WebhookPage(BaseModel):
    """A page of the webhooks, the oldest first; `next_url` is absent on the last one."""

    webhooks: list[WebhookAnswer]
    next_cursor: str | None = None
    next_url: str | None = None


class DeliveryAnswer(BaseModel):
    """One message to a webhook; `next_attempt_at` is there while it is still tried."""

    id: str
    type: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    body: str
    url: str


class DeliveryPage(BaseModel):
    """A page of messages, newest first; `next_url` is absent on the last one."""

    deliveries: list[DeliveryAnswer]
    next_cursor: str | None = None
    next_url: str | None = None


class ChannelLink(BaseModel):
    """The channel a video came from."""

    id: str
    title: str
    url: str


class VideoAnswer(BaseModel):
    """One video with its dubs; `created` and `estimate` are in the answer to POST /videos only.

    `captions_taken` is there too if captions were sent: false for a video that is prepared or being
    prepared, which keeps its text until captions are PUT to /videos/{id}/captions.

    `processing_*` are the begin, the end and the seconds of the last preparation and dubbing;
    `retry_count` is how often it was requested again.
    """

    id: str
    source: Source
    title: str
    language: str
    status: VideoStatus
    stage: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    duration_seconds: float | None
    file_size_bytes: int | None
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    processing_duration_seconds: float | None
    retry_count: int
    last_error_at: datetime | None
    channel: ChannelLink | None = None
    links: VideoLinks
    error: Failure | None = None
    dubs: list[DubAnswer]
    cost_usd: float
    created: bool | None = None
    captions_taken: bool | None = None
    estimate: Estimate | None = None


class DubRow(BaseModel):
    """One dub of a listing; `released` is true for an older release too, `stale` as in
    DubAnswer."""

    language: str
    status: DubStatus
    stage: str | None
    released: bool
    stale: bool
    stale_because: list[Stale]
    updated_at: datetime
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    error: Failure | None
    watch_url: str


class VideoRow(BaseModel):
    """One video of a listing with its dubs in brief; the whole video is at `url`."""

    id: str
    source: Source
    title: str
    language: str
    status: VideoStatus
    created_at: datetime
    duration_seconds: float | None
    processing_duration_seconds: float | None
    dubs: list[DubRow]
    url: str
    watch_url: str


class VideoPage(BaseModel):
    """A page of the listing, newest first; `next_url` is absent on the last one."""

    videos: list[VideoRow]
    next_cursor: str | None = None
    next_url: str | None = None


ShapeT = TypeVar("ShapeT", bound=RequestShape)

# What to tell of a field, by the beginning of pydantic's name for the error.
_WANTED: Mapping[str, str] = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field here",
    "too_short": "it is to have {min_length} or more",
    "too_long": "it is to have {max_length} at most",
    "string_too_short": "it is to have {min_length} or more characters",
    "string_too_long": "it is to have {max_length} characters at most",
    "string_pattern": "it has characters that cannot be in it",
    "string": "it is to be a text",
    "enum": "it is to be {expected}",
    "literal_error": "it is to be {expected}",
    "int": "it is to be a whole number",
    "bool": "it is to be true or false",
    "greater_than_equal": "it is to be {ge} or more",
    "less_than_equal": "it is to be {le} or less",
    "list": "it is to be a list",
    "tuple": "it is to be a list",
    "frozen_set": "it is to be a list",
    "dict": "it is to be an object",
    "model": "it is to be an object",
    "datetime_future": "it is to be in the future",
    "datetime": "it is to be a time, such as 2026-11-30T12:00:00Z",
    "": "it cannot be read",
}


def parse(shape: type[ShapeT], given: bytes | Mapping[str, Any]) -> ShapeT:
    """Return `given` as the model `shape`.

    Raises InvalidRequestError, also if a field comes twice; HTTPException 400 for text that is not
    JSON.
    """
    try:
        if isinstance(given, bytes):
            order = shape.model_validate_json(given)
            _require_members_once(given)
            return order
        if isinstance(given, ImmutableMultiDict):
            require_once(name for name, _ in given.multi_items())
        return shape.model_validate(given)
    except ValidationError as error:
        raise _refusal(error) from error


def require_once(names: Iterable[str]) -> None:
    """Raises InvalidRequestError if a name comes twice: either of the two values could be meant."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InvalidRequestError(
            f"The request says {repeated[0][:40]!r} more than once: send one of it."
        )


def _require_members_once(text: bytes | str) -> None:
    """Raises InvalidRequestError if an object of the JSON text has a member twice.

    Call it only after pydantic has parsed the text, which limits its depth.
    """

    def members(pairs: list[tuple[str, object]]) -> None:
        require_once(name for name, _ in pairs)

    json.loads(text, object_pairs_hook=members)


def _refusal(error: ValidationError) -> Exception:
    faults = error.errors(include_url=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return HTTPException(400, "The body is not valid JSON. Send one object in UTF-8.")
    said = "; ".join(map(_describe_fault, faults[:3]))
    return InvalidRequestError(f"The request cannot be taken as it is: {said}.")


def _describe_fault(fault: ErrorDetails) -> str:
    """Say which field is wrong and what it should be, in a sentence of our own."""
    field = ".".join(str(step)[:40] for step in fault["loc"]) or "the body"
    context = fault.get("ctx", {})
    if fault["type"] == "value_error":
        return f"{field}: {context['error']}"
    kind = next((kind for kind in _WANTED if fault["type"].startswith(kind)), "")
    return f"{field}: {_WANTED[kind].format(**context)}"


class CheckAnswer(BaseModel):
    """The result of a health check, and how many ms it took."""

    ok: bool
    ms: float
    error: str | None = None


class ReadyAnswer(BaseModel):
    """`degraded` means that requests are served, but later steps of their work would fail."""

    ready: bool
    degraded: bool = False
    checks: dict[str, CheckAnswer]


class AliveAnswer(BaseModel):
    """`status` and `timestamp` repeat it in the words of other health checks."""

    alive: bool = True
    status: str = "healthy"
    timestamp: datetime
    version: str


class VersionAnswer(BaseModel):
    """The build that answers; `build_time` equals `built_at`.

    Unknown values are null or `unknown`.
    """

    version: str
    commit: str | None
    built_at: str | None
    build_time: str
    environment: str
    python: str
