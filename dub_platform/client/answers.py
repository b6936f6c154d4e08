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
    """`status` and `timestamp` say the same in the words of other health checks."""

    alive: NotRequired[bool]
    status: NotRequired[str]
    timestamp: str
    version: str


class ChannelAnswer(TypedDict):
    """One channel, and how the dubs of its videos are to be worded."""

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
    """One channel of a listing, with how many words its glossary has; the words are at `url`."""

    id: str
    title: str
    terms: int
    formality: NotRequired[Literal["neutral", "formal", "informal"]]
    url: str


class CheckAnswer(TypedDict):
    """Whether a part is well, and how long it took to say so."""

    ok: bool
    ms: float
    error: NotRequired[str]


class DeliveryAnswer(TypedDict):
    """One message to a webhook; `next_attempt_at` while it is tried."""

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
    """One dub. The URLs and numbers are there once it has been released, and are of that release
    while it is made anew. It is `stale` where that is not what it should say by now, which is so
    because of: the `source`, of which something else is said in the video; the `translation`, which
    was made anew; the `wording` of its channel; or `edits` of lines whose source was corrected
    since, which whoever wrote them has to look at. For all but these, asking for the dub again
    has it made anew. `glossary` and `formality` are what it was asked for with.
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
    """What was measured on the released track. Onset is against the original's, in ms."""

    seconds: float
    lufs: float
    true_peak_db: float
    onset_p95_ms: float
    tempo_p95: float
    bytes: int
    cost_usd: float


class DubRow(TypedDict):
    """One dub of a listing; `released` is there with the state of an older release, too, and
    `stale` as in a DubAnswer.
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
    """About what the languages asked for will cost; no `usd` for a link of unknown length."""

    usd: NotRequired[float]
    usd_per_minute: float
    seconds: NotRequired[float]
    languages: list[str]
    prices_taken_on: str


class Failure(TypedDict):
    """Why a video or a dub failed, in words for its user, and whether asking again can help."""

    code: str
    message: str
    retryable: NotRequired[bool]


class KeyAnswer(TypedDict):
    """One key; what it is proved with is not kept."""

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
    """A language that videos can be dubbed into here, by its code and its English name."""

    language: str
    name: str


class LanguagesAnswer(TypedDict):
    """What can be made here of a video that speaks `source_language`, in the order of codes."""

    source_language: str
    languages: list[LanguageAnswer]


class LeftOutAnswer(TypedDict):
    """An edit that is not spoken, because no line says its `source` at that time any more."""

    number: int
    start: float
    end: float
    source: str
    text: NotRequired[str]
    edited_at: str
    edited_by: NotRequired[str]
    edited_by_name: NotRequired[str]


class LineAnswer(TypedDict):
    """One line. `source` was said from `start` to `end`, in seconds; `text` is what the dub says,
    or is about to, in place of it: the `translation`, unless somebody `edited` that: whoever has
    the key `edited_by`, and it said `previous` before. An edit is `stale` where what is said was
    corrected after it, until the line is edited again, if only with the same text. `released` is
    there once there is a release.
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
    released: NotRequired[PlacedAnswer]
    url: str


class NewKeyAnswer(TypedDict):
    """The answer to POST /keys, with the one sight of `key`."""

    id: str
    tenant: str
    name: str
    scopes: list[Scope]
    created_at: str
    expires_at: NotRequired[str]
    revoked_at: NotRequired[str]
    last_used_at: NotRequired[str]
    key: str


class PlacedAnswer(TypedDict):
    """A line in the released track: what is said, from which second, and how fast.

    `onset_ms` is against the original, positive when late; `flagged` says that it was hard to fit.
    `take_url` is the sound of the line alone, before it was made to fit.
    """

    text: str
    start: float
    onset_ms: float
    tempo: float
    flagged: bool
    take_url: str


class Problem(TypedDict):
    """What went wrong (RFC 9457). `code` is stable; `detail` is a sentence for people. `current` is
    with a `precondition_failed` what is there by now, with its `etag`.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: NotRequired[str]
    current: NotRequired[dict[str, Any]]


class Quote(TypedDict):
    """The answer to a dry run: nothing was taken in."""

    id: str
    dry_run: NotRequired[bool]
    estimate: Estimate


class ReadyAnswer(TypedDict):
    """`degraded`: requests are served, but something that their work needs later is down."""

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
    """What is said in a video, line by line, and the corrections that are kept but not applied.

    `confidence` is how sure the `engine` is of a word on the average, and `least_confidence` how
    sure it has to be.
    """

    video_id: str
    language: str
    engine: str
    confidence: float
    least_confidence: float
    lines: list[SourceLineAnswer]
    not_applied: list[LeftOutAnswer]


class SourceLineAnswer(TypedDict):
    """One line of what is said: `text`, from `start` to `end`, in seconds, as it was `heard` with
    this `confidence` from 0 to 1, or as whoever has the key `corrected_by` has it. It was taken for
    `previous` before that; `doubt` is why the recogniser does not trust it.
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


class VersionAnswer(TypedDict):
    """Which build answers; `build_time` is `built_at`. What is not known is null or `unknown`."""

    version: str
    commit: NotRequired[str]
    built_at: NotRequired[str]
    build_time: str
    environment: str
    python: str


class VideoAnswer(TypedDict):
    """One video with its dubs; `created` and `estimate` only in the answer to POST /videos.

    So is `captions_taken`, where captions came with it: false for a video that is being prepared
    or was, which keeps the wording it has until they come by PUT /videos/{id}/captions.

    `processing_*` is when its preparing and dubbing began and ended last, and the seconds between;
    `retry_count` is how often it was asked for again.
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
    """One video of a listing, and how far its dubs are; all of them stands at `url`."""

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
