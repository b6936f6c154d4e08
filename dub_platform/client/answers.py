"""The shapes of the API's answers, as its contract (/openapi.json) has them.

    video: VideoAnswer = client.video("dQw4w9WgXcQ")
    video["dubs"][0]["status"]

Written by `python -m tests.dub_platform.client.contract`, and not by hand. What is NotRequired is
left out where there is none of it. A time is a text of ISO 8601.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict


class AliveAnswer(TypedDict):
    """`status` and `timestamp` repeat it in the words of other health checks."""

    alive: NotRequired[bool]
    status: NotRequired[str]
    timestamp: str
    version: str


class ChannelAnswer(TypedDict):
    """One channel, and the wording for the dubs of its videos."""

    id: str
    title: str
    glossary: dict[str, dict[str, str] | None]
    formality: NotRequired[Literal["neutral", "formal", "informal"]]
    created_at: str
    updated_at: str
    url: str


class ChannelLink(TypedDict):
    """The channel a video came from."""

    id: str
    title: str
    url: str


class ChannelPage(TypedDict):
    """A page of the listing, in the order of ids; `next_url` is absent on the last one."""

    channels: list[ChannelRow]
    next_cursor: NotRequired[str]
    next_url: NotRequired[str]


class ChannelRow(TypedDict):
    """One channel of a listing; `terms` is the number of words in its glossary, which is at
    `url`.
    """

    id: str
    title: str
    terms: int
    formality: NotRequired[Literal["neutral", "formal", "informal"]]
    url: str


class CheckAnswer(TypedDict):
    """The result of a health check, and how many ms it took."""

    ok: bool
    ms: float
    error: NotRequired[str]


class DeliveryAnswer(TypedDict):
    """One message to a webhook; `next_attempt_at` is there while it is still tried."""

    id: str
    type: str
    state: DeliveryState
    attempts: int
    created_at: str
    next_attempt_at: NotRequired[str]
    last_attempt_at: NotRequired[str]
    last_status: NotRequired[int]
    last_error: NotRequired[str]
    body: str
    url: str


class DeliveryPage(TypedDict):
    """A page of messages, newest first; `next_url` is absent on the last one."""

    deliveries: list[DeliveryAnswer]
    next_cursor: NotRequired[str]
    next_url: NotRequired[str]


DeliveryState = Literal["pending", "delivered", "dead"]


class DubAnswer(TypedDict):
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
    stage: NotRequired[str]
    generation: int
    created_at: str
    updated_at: str
    processing_started_at: NotRequired[str]
    processing_completed_at: NotRequired[str]
    links: DubLinks
    cost_usd: float
    stale: bool
    stale_because: list[Stale]
    glossary: NotRequired[dict[str, dict[str, str] | None]]
    formality: NotRequired[Literal["neutral", "formal", "informal"]]
    error: NotRequired[Failure]
    track_url: NotRequired[str]
    video_url: NotRequired[str]
    captions_urls: NotRequired[dict[str, str]]
    source_captions_urls: NotRequired[dict[str, str]]
    manifest_url: NotRequired[str]
    numbers: NotRequired[DubNumbers]


class DubLinks(TypedDict):
    """The part `DubLinks` of an answer."""

    self: str
    video: str
    watch: str


class DubNumbers(TypedDict):
    """Measurements of the released track. The onset is compared to the original's, in ms."""

    seconds: float
    lufs: float
    true_peak_db: float
    onset_p95_ms: float
    tempo_p95: float
    bytes: int
    cost_usd: float


class DubRow(TypedDict):
    """One dub of a listing; `released` is true for an older release too, `stale` as in
    DubAnswer.
    """

    language: str
    status: DubStatus
    stage: NotRequired[str]
    released: bool
    stale: bool
    stale_because: list[Stale]
    updated_at: str
    processing_started_at: NotRequired[str]
    processing_completed_at: NotRequired[str]
    error: NotRequired[Failure]
    watch_url: str


DubStatus = Literal["queued", "running", "released", "failed"]


class Estimate(TypedDict):
    """The approximate cost in dollars; without `usd` for a link whose length is unknown."""

    usd: NotRequired[float]
    usd_per_minute: float
    seconds: NotRequired[float]
    languages: list[str]
    prices_taken_on: str


class Failure(TypedDict):
    """Why a video or a dub failed, in words for its user; `retryable` tells if a retry may help."""

    code: str
    message: str
    retryable: NotRequired[bool]


class KeyAnswer(TypedDict):
    """One API key, without its token, which is stored nowhere."""

    id: str
    tenant: str
    name: str
    scopes: list[Scope]
    created_at: str
    expires_at: NotRequired[str]
    revoked_at: NotRequired[str]
    last_used_at: NotRequired[str]


class KeyPage(TypedDict):
    """A page of a tenant's keys, the newest first; `next_url` is absent on the last one."""

    keys: list[KeyAnswer]
    next_cursor: NotRequired[str]
    next_url: NotRequired[str]


class LanguageAnswer(TypedDict):
    """A language that videos can be dubbed into here: its BCP 47 tag, its name, and who makes it.

    `translated_by` has one engine or model, or two, the first into English. `direction` is `rtl`
    where it is written from right to left.
    """

    language: str
    name: str
    direction: Literal["ltr", "rtl"]
    translated_by: list[str]
    spoken_by: str


class LanguagesAnswer(TypedDict):
    """The languages that a video in `source_language` can be dubbed into, in the order of codes."""

    source_language: str
    languages: list[LanguageAnswer]


class LeftOutAnswer(TypedDict):
    """An edit that is not applied, because no line has its `source` at that time any more."""

    number: int
    start: float
    end: float
    source: str
    text: NotRequired[str]
    edited_at: str
    edited_by: NotRequired[str]
    edited_by_name: NotRequired[str]


class LineAnswer(TypedDict):
    """One line of a dub. `source` is the original text, spoken from `start` to `end` in seconds.

    `text` is what the dub says or is about to say: the `translation`, or the text that somebody
    `edited`; then `edited_by` is the id of that person's key, and `previous` the text before. An
    edit is `stale` if its source was corrected after it, until the line is edited again, if only
    with the same text. `released` is there once the dub has a release.

    A text of `budget_characters` can be said at a natural tempo in `room_seconds`, which are the
    line's own time and the silence after it that it may use. `confidence` is the recogniser's for
    the source, from 0 to 1, and `doubt` why it is not trusted. `missed` are the glossary's terms
    that the text lacks.
    """

    number: int
    speaker: str
    start: float
    end: float
    source: str
    translation: str
    text: str
    edited: bool
    edited_at: NotRequired[str]
    edited_by: NotRequired[str]
    edited_by_name: NotRequired[str]
    previous: NotRequired[str]
    stale: NotRequired[bool]
    room_seconds: float
    budget_characters: int
    confidence: float
    doubt: NotRequired[str]
    missed: list[str]
    released: NotRequired[PlacedAnswer]
    url: str


class NewKeyAnswer(TypedDict):
    """The answer to POST /keys; `key` is the token, which is shown only here."""

    id: str
    tenant: str
    name: str
    scopes: list[Scope]
    created_at: str
    expires_at: NotRequired[str]
    revoked_at: NotRequired[str]
    last_used_at: NotRequired[str]
    key: str


class OEmbedAnswer(TypedDict):
    """What another site's page shows of a video: `html` is a frame with the player."""

    version: NotRequired[Literal["1.0"]]
    type: NotRequired[Literal["video"]]
    title: str
    provider_name: str
    provider_url: str
    width: int
    height: int
    html: str


class PlacedAnswer(TypedDict):
    """A line in the released track: its text, its start in seconds, and its tempo.

    `onset_ms` is the distance from the original's start, positive when late. `flagged` means that
    it was hard to fit. `take_url` is the recording of the line alone, before it was fitted.
    """

    text: str
    start: float
    onset_ms: float
    tempo: float
    flagged: bool
    take_url: str


class Problem(TypedDict):
    """A problem document (RFC 9457).

    `code` never changes; `detail` is a sentence for people. `current` comes with the code
    `precondition_failed`: what is there now, with its `etag`.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: NotRequired[str]
    current: NotRequired[dict[str, Any]]


class Quote(TypedDict):
    """The answer to a dry run: nothing was accepted."""

    id: str
    dry_run: NotRequired[bool]
    estimate: Estimate


class ReadyAnswer(TypedDict):
    """`degraded` means that requests are served, but later steps of their work would fail."""

    ready: bool
    degraded: NotRequired[bool]
    checks: dict[str, CheckAnswer]


Scope = Literal["read", "write", "admin"]


class ScriptAnswer(TypedDict):
    """All lines of a dub in order, and the edits that are kept but not applied."""

    video_id: str
    language: str
    lines: list[LineAnswer]
    not_applied: list[LeftOutAnswer]


Source = Literal["youtube", "upload"]


class SourceAnswer(TypedDict):
    """All lines of a video's speech, and the corrections that are kept but not applied.

    `confidence` is the mean over the words by the `engine`; it has to be `least_confidence` or
    more.
    """

    video_id: str
    language: str
    engine: str
    confidence: float
    least_confidence: float
    lines: list[SourceLineAnswer]
    not_applied: list[LeftOutAnswer]


class SourceLineAnswer(TypedDict):
    """One line of a video's speech: `text`, spoken from `start` to `end` in seconds.

    `heard` is the text as it was recognised, with a `confidence` from 0 to 1; `doubt` is why the
    recogniser does not trust it. `corrected_by` is the id of the key of the person who corrected
    it, and `previous` the text before that.
    """

    number: int
    speaker: str
    start: float
    end: float
    text: str
    heard: str
    confidence: float
    doubt: NotRequired[str]
    corrected: bool
    corrected_at: NotRequired[str]
    corrected_by: NotRequired[str]
    corrected_by_name: NotRequired[str]
    previous: NotRequired[str]
    url: str


Stale = Literal["source", "translation", "wording", "edits"]


class TakeAnswer(TypedDict):
    """A spoken draft of a line; its recording is at `url`.

    It takes `seconds` at a natural tempo, and the line has `room_seconds`. A release would play it
    at `tempo`, `onset_ms` after the original (negative: before it); it `fits` if that is no hurry.
    `cost_usd` was paid for it now, which a release with this text does not pay again. A `reused`
    take was spoken before.
    """

    number: int
    text: str
    seconds: float
    room_seconds: float
    tempo: float
    onset_ms: float
    fits: bool
    characters: int
    cost_usd: float
    reused: bool
    url: str


class VersionAnswer(TypedDict):
    """The build that answers; `build_time` equals `built_at`.

    Unknown values are null or `unknown`.
    """

    version: str
    commit: NotRequired[str]
    built_at: NotRequired[str]
    build_time: str
    environment: str
    python: str


class VideoAnswer(TypedDict):
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
    stage: NotRequired[str]
    visibility: Visibility
    created_at: str
    updated_at: str
    duration_seconds: NotRequired[float]
    file_size_bytes: NotRequired[int]
    processing_started_at: NotRequired[str]
    processing_completed_at: NotRequired[str]
    processing_duration_seconds: NotRequired[float]
    retry_count: int
    last_error_at: NotRequired[str]
    channel: NotRequired[ChannelLink]
    links: VideoLinks
    error: NotRequired[Failure]
    dubs: list[DubAnswer]
    cost_usd: float
    created: NotRequired[bool]
    captions_taken: NotRequired[bool]
    estimate: NotRequired[Estimate]


class VideoLinks(TypedDict):
    """The part `VideoLinks` of an answer."""

    self: str
    dubs: dict[str, str]
    watch: dict[str, str]


class VideoPage(TypedDict):
    """A page of the listing, newest first; `next_url` is absent on the last one."""

    videos: list[VideoRow]
    next_cursor: NotRequired[str]
    next_url: NotRequired[str]


class VideoRow(TypedDict):
    """One video of a listing with its dubs in brief; the whole video is at `url`."""

    id: str
    source: Source
    title: str
    language: str
    status: VideoStatus
    created_at: str
    duration_seconds: NotRequired[float]
    processing_duration_seconds: NotRequired[float]
    dubs: list[DubRow]
    url: str
    watch_url: str


VideoStatus = Literal["queued", "running", "prepared", "failed"]

Visibility = Literal["public", "signed"]


class WebhookAnswer(TypedDict):
    """One webhook; its `secret` only in the answer to POST /webhooks."""

    id: str
    url: str
    events: list[str]
    created_at: str
    links: WebhookLinks
    secret: NotRequired[str]


class WebhookLinks(TypedDict):
    """The part `WebhookLinks` of an answer."""

    self: str
    deliveries: str


class WebhookPage(TypedDict):
    """A page of the webhooks, the oldest first; `next_url` is absent on the last one."""

    webhooks: list[WebhookAnswer]
    next_cursor: NotRequired[str]
    next_url: NotRequired[str]
