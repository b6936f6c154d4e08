"""The table of all operations: what each address of the API takes and answers.

    Operation("GET", "/videos/{id}", "One video with its dubs", {200: VideoAnswer}, tagged=True,
              errors=(InvalidVideoIdError, VideoNotFoundError))

/openapi.json is made from it. It is in the order of the routes in `app.py`; a test fails for a
route without a row here. What follows from a row is not repeated in it: a POST takes an
Idempotency-Key, a `tagged` answer has an ETag, a body can be malformed, and an address that is not
open (`api/caller.py`) needs a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from api.caller import scope_needed
from api.contract.problems import HTTP_CODE, status_of
from api.contract.schemas import (
    AliveAnswer,
    CaptionsOrder,
    ChannelAnswer,
    ChannelOrder,
    ChannelPage,
    DeliveriesQuery,
    DeliveryAnswer,
    DeliveryPage,
    DryRunQuery,
    DubAnswer,
    DubOrder,
    EditQuery,
    KeyOrder,
    KeyPage,
    LanguagesAnswer,
    LanguagesQuery,
    NewKeyAnswer,
    PageQuery,
    Quote,
    ReadyAnswer,
    SignedLinkQuery,
    UploadOrder,
    VersionAnswer,
    VideoAnswer,
    VideoChange,
    VideoOrder,
    VideoPage,
    VideosQuery,
    WatchQuery,
    WebhookAnswer,
    WebhookOrder,
    WebhookPage,
)
from api.contract.script import (
    LineAnswer,
    LineOrder,
    LineOrders,
    ScriptAnswer,
    SourceAnswer,
    SourceLineAnswer,
    TakeAnswer,
    TakeOrder,
    TakeQuery,
)
from api.probes import PROBES, SAFE
from dub_platform.core import errors
from dub_platform.core.errors import DubError

JSON, FORM, PAGE, ANY = "application/json", "multipart/form-data", "text/html", "*/*"
EVENTS, METRICS = "text/event-stream", "text/plain"
Errors = Sequence[type[DubError]]
# Every operation can fail with these, for reasons inside the platform.
OURS: Errors = (
    errors.StorageError,
    errors.StorageUnavailableError,
    errors.StorageFullError,
    errors.InternalError,
)
_OF_HEAD = (400, 414, 431)
_OF_DUB: Errors = (
    errors.InvalidVideoIdError,
    errors.UnknownLanguageError,
    errors.VideoNotFoundError,
    errors.DubNotFoundError,
)
_OF_LINES: Errors = (*_OF_DUB, errors.LinesNotReadyError)
_OF_VOICE: Errors = (
    errors.LanguageNotAvailableError,
    errors.CostCapError,
    errors.EngineUnavailableError,
    errors.EngineFailedError,
    errors.BadTakeError,
    errors.ProviderRefusedError,
    errors.ProviderBusyError,
    errors.ProviderUnavailableError,
    errors.ProviderAnswerError,
)
_OF_SOURCE: Errors = (
    errors.InvalidVideoIdError,
    errors.VideoNotFoundError,
    errors.LinesNotReadyError,
)
_OF_KEY: Errors = (errors.KeyRequiredError, errors.KeyInvalidError, errors.ScopeMissingError)
_WORDED = (errors.UnknownLanguageError, errors.WordingNotAvailableError)


@dataclass(frozen=True)
class Operation:
    """One method of one address.

    `answers` has for each status the model of its JSON, the media type of another body, or None for
    an empty one. `body` has a model for each media type, `query` the model of the parameters.
    `tagged` says that the answer has an ETag, which GET compares and PUT may require. `matched`
    says that a write must name the ETag it has seen. `errors` are the errors of its own; `refused`
    are further HTTP statuses.
    """

    method: str
    path: str
    summary: str
    answers: Mapping[int, type[BaseModel] | str | None]
    query: type[BaseModel] | None = None
    body: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    needs_body: bool = False
    tagged: bool = False
    matched: bool = False
    errors: Errors = ()
    refused: Sequence[int] = ()

    @property
    def compares(self) -> bool:
        """Whether it checks If-Match."""
        return self.matched or (self.method == "PUT" and self.tagged)

    @property
    def is_strict(self) -> bool:
        """Whether it refuses unknown query parameters.

        Pages and files do not, because people open them by links that sites add parameters to; nor
        do health probes, whose callers are configured elsewhere.
        """
        return {PAGE, ANY}.isdisjoint(self.answers.values()) and self.path not in PROBES

    @property
    def needs_key(self) -> bool:
        """Whether it needs an API key, in a deployment that asks for keys."""
        return scope_needed(self.method, self.path) is not None

    @property
    def codes(self) -> Mapping[int, Sequence[str]]:
        """The codes of all errors that it can answer, by HTTP status."""
        found: dict[int, list[str]] = {}
        for status, code in sorted({*self._error_statuses(), *self._http_statuses()}):
            found.setdefault(status, []).append(code)
        return found

    def _error_statuses(self) -> Iterator[tuple[int, str]]:
        for kind in (*self.errors, *self._implied_errors(), *self._client_errors(), *OURS):
            yield status_of(kind("")), kind.code

    def _implied_errors(self) -> Iterator[type[DubError]]:
        if self.method == "POST":
            yield from (errors.IdempotencyKeyReusedError, errors.RequestInProgressError)
            yield errors.InvalidRequestError
        if self.compares:
            yield errors.PreconditionFailedError
        if self.matched:
            yield errors.PreconditionRequiredError
        if self.body:
            yield from (errors.InvalidRequestError, errors.UploadTooLargeError)
        if self.query or self.is_strict:
            yield errors.InvalidRequestError

    def _client_errors(self) -> Iterator[type[DubError]]:
        """Yield the errors that depend on who asks, how often, and how slowly."""
        if self.path not in PROBES:
            yield from (errors.NotLocalError, errors.UnknownHostError, errors.RateLimitedError)
        if self.method not in SAFE:
            yield errors.CrossSiteError
        if self.needs_key:
            yield from _OF_KEY
        if self.body or self.method == "POST":
            yield errors.SlowBodyError

    def _http_statuses(self) -> Iterator[tuple[int, str]]:
        of_body = (400, 415) if self.body else ()
        of_path = (404,) if "{" in self.path else ()
        for status in (*of_body, *of_path, *_OF_HEAD, *self.refused):
            yield status, HTTP_CODE[status]


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/", "A form to hand a video in, and the newest ones", {200: PAGE}),
    Operation(
        "GET",
        "/watch",
        "The player of a video",
        {200: PAGE},
        query=WatchQuery,
        errors=(
            errors.InvalidVideoIdError,
            errors.UnknownLanguageError,
            errors.VideoNotFoundError,
            errors.LinkExpiredError,
        ),
    ),
    Operation(
        "GET",
        "/edit",
        "The line editor of a dub",
        {200: PAGE},
        query=EditQuery,
        errors=(errors.InvalidVideoIdError, errors.UnknownLanguageError),
    ),
    Operation("GET", "/docs", "This contract, for people", {200: PAGE}),
    Operation(
        "GET", "/help", "The documents, where they were made a site", {302: None}, refused=(404,)
    ),
    Operation(
        "GET",
        "/help/{path}",
        "A page of the documents, or what belongs to it",
        {200: ANY, 304: None},
    ),
    Operation(
        "GET",
        "/openapi.json",
        "This contract, for programs",
        {200: JSON, 304: None},
        tagged=True,
    ),
    Operation(
        "POST",
        "/videos",
        "Take a video in, as a link or as a file; with dry_run only say what it costs",
        {200: Quote, 202: VideoAnswer, 303: None},
        query=DryRunQuery,
        body={JSON: VideoOrder, FORM: UploadOrder},
        needs_body=True,
        errors=(
            errors.InvalidVideoIdError,
            errors.EmptyBodyError,
            *_WORDED,
            errors.LanguageNotAvailableError,
            errors.SourceNotEnabledError,
            errors.NotAVideoError,
            errors.TruncatedMediaError,
            errors.NoAudioError,
            errors.VideoTooLongError,
            errors.MediaOverLimitError,
            errors.MediaToolError,
            errors.VideoBeingRemovedError,
            errors.LinksNotEnabledError,
        ),
    ),
    Operation(
        "GET",
        "/videos",
        "The videos with their dubs, newest first; or those that are looked for",
        {200: VideoPage},
        query=VideosQuery,
        tagged=True,
        errors=(errors.UnknownLanguageError,),
    ),
    Operation(
        "GET",
        "/videos/{id}",
        "One video with its dubs",
        {200: VideoAnswer},
        tagged=True,
        errors=(errors.InvalidVideoIdError, errors.VideoNotFoundError),
    ),
    Operation(
        "PATCH",
        "/videos/{id}",
        "Say who may watch a video, what it is called, what is spoken in it, or that it was heard "
        "right",
        {200: VideoAnswer},
        body={JSON: VideoChange},
        needs_body=True,
        tagged=True,
        errors=(
            errors.InvalidVideoIdError,
            errors.VideoNotFoundError,
            errors.EmptyBodyError,
            errors.LinksNotEnabledError,
            errors.UnknownLanguageError,
            errors.LanguageNotAvailableError,
        ),
    ),
    Operation(
        "DELETE",
        "/videos/{id}",
        "Remove a video: its work is stopped, and all that was made of it goes",
        {204: None},
        errors=(errors.InvalidVideoIdError, errors.VideoNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/dubs/{language}",
        "Ask for a dub: a new one, one that failed or is stale, or one in another wording; with "
        "dry_run only say what it costs",
        {200: Quote, 202: DubAnswer},
        query=DryRunQuery,
        body={JSON: DubOrder},
        tagged=True,
        errors=(
            errors.InvalidVideoIdError,
            errors.VideoNotFoundError,
            errors.DubNotFoundError,
            *_WORDED,
            errors.LanguageNotAvailableError,
        ),
    ),
    Operation(
        "POST",
        "/videos/{id}/dubs/{language}",
        "The same for a form, which sends nothing else and goes on to the page that waits",
        {202: DubAnswer, 303: None},
        errors=(
            errors.InvalidVideoIdError,
            errors.VideoNotFoundError,
            *_WORDED,
            errors.LanguageNotAvailableError,
        ),
    ),
    Operation(
        "DELETE",
        "/videos/{id}/dubs/{language}",
        "Remove a dub: its work is stopped, and all that was made of it goes; the video stays",
        {204: None},
        errors=_OF_DUB,
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}",
        "One dub; once released, with its addresses and numbers",
        {200: DubAnswer},
        tagged=True,
        errors=_OF_DUB,
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}/lines",
        "The lines of a dub: what was said, what is said in place of it, and where",
        {200: ScriptAnswer},
        tagged=True,
        errors=_OF_LINES,
    ),
    Operation(
        "PATCH",
        "/videos/{id}/dubs/{language}/lines",
        "Edit several lines, or go back from their edits: all or none",
        {202: ScriptAnswer},
        body={JSON: LineOrders},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_LINES, errors.LineNotFoundError),
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}/lines/{number}",
        "One line of a dub",
        {200: LineAnswer},
        tagged=True,
        errors=(*_OF_LINES, errors.LineNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/dubs/{language}/lines/{number}",
        "Have a line say something else",
        {202: LineAnswer},
        body={JSON: LineOrder},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_LINES, errors.LineNotFoundError),
    ),
    Operation(
        "DELETE",
        "/videos/{id}/dubs/{language}/lines/{number}",
        "Go back to a line's translation",
        {202: LineAnswer},
        tagged=True,
        matched=True,
        errors=(*_OF_LINES, errors.LineNotFoundError),
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}/lines/{number}/take",
        "The sound of a line of the release by itself, or of a draft that was spoken, whole or a "
        "range of it",
        {200: ANY, 206: ANY, 304: None},
        query=TakeQuery,
        errors=(*_OF_LINES, errors.LineNotFoundError),
        refused=(416,),
    ),
    Operation(
        "POST",
        "/videos/{id}/dubs/{language}/lines/{number}/take",
        "Speak a line in the words of a draft, and say whether it fits; nothing is published",
        {200: TakeAnswer},
        body={JSON: TakeOrder},
        errors=(*_OF_LINES, errors.LineNotFoundError, *_OF_VOICE),
    ),
    Operation(
        "GET",
        "/videos/{id}/lines",
        "What is said in a video: who says what when, and what was corrected of it",
        {200: SourceAnswer},
        tagged=True,
        errors=_OF_SOURCE,
    ),
    Operation(
        "PATCH",
        "/videos/{id}/lines",
        "Correct several lines of what was heard, or go back: all or none, at once",
        {202: SourceAnswer},
        body={JSON: LineOrders},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_SOURCE, errors.LineNotFoundError),
    ),
    Operation(
        "GET",
        "/videos/{id}/lines/{number}",
        "One line of what is said in a video",
        {200: SourceLineAnswer},
        tagged=True,
        errors=(*_OF_SOURCE, errors.LineNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/lines/{number}",
        "Correct what was heard; the dubs are stale until they are asked for again",
        {202: SourceLineAnswer},
        body={JSON: LineOrder},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_SOURCE, errors.LineNotFoundError),
    ),
    Operation(
        "DELETE",
        "/videos/{id}/lines/{number}",
        "Go back to what was heard",
        {202: SourceLineAnswer},
        tagged=True,
        matched=True,
        errors=(*_OF_SOURCE, errors.LineNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/captions",
        "Have a video say what stands in captions, in place of what was heard",
        {202: VideoAnswer},
        body={FORM: CaptionsOrder},
        needs_body=True,
        errors=(
            errors.InvalidVideoIdError,
            errors.VideoNotFoundError,
            errors.EmptyBodyError,
        ),
    ),
    Operation(
        "GET",
        "/videos/{id}/events",
        "What happens to a video, as server-sent events, from after Last-Event-ID",
        {200: EVENTS, 204: None},
        errors=(
            errors.InvalidVideoIdError,
            errors.InvalidRequestError,
            errors.VideoNotFoundError,
        ),
        refused=(503,),
    ),
    Operation(
        "GET",
        "/languages",
        "What a video can be dubbed into here; `source_language` names what it speaks",
        {200: LanguagesAnswer},
        query=LanguagesQuery,
        tagged=True,
        errors=(errors.UnknownLanguageError, errors.LanguageNotAvailableError),
    ),
    Operation(
        "GET",
        "/channels",
        "The channels that videos came from, by their ids",
        {200: ChannelPage},
        query=PageQuery,
        tagged=True,
        errors=(errors.InvalidChannelIdError,),
    ),
    Operation(
        "GET",
        "/channels/{id}",
        "One channel with its glossary and formality",
        {200: ChannelAnswer},
        tagged=True,
        errors=(errors.InvalidChannelIdError, errors.ChannelNotFoundError),
    ),
    Operation(
        "PUT",
        "/channels/{id}",
        "Say how the dubs of a channel's videos are to be worded; what is left out stays",
        {200: ChannelAnswer, 201: ChannelAnswer},
        body={JSON: ChannelOrder},
        needs_body=True,
        errors=(errors.InvalidChannelIdError, errors.EmptyBodyError, errors.UnknownLanguageError),
    ),
    Operation(
        "GET", "/keys", "The tenant's API keys, the newest first", {200: KeyPage}, query=PageQuery
    ),
    Operation(
        "POST",
        "/keys",
        "Make an API key, which only this answer shows",
        {201: NewKeyAnswer},
        body={JSON: KeyOrder},
    ),
    Operation(
        "DELETE",
        "/keys/{id}",
        "Revoke a key: it opens nothing from the next request on",
        {204: None},
        errors=(errors.KeyNotFoundError,),
    ),
    Operation(
        "POST",
        "/webhooks",
        "Have an address told what happens; the answer shows the secret of its messages, once",
        {201: WebhookAnswer},
        body={JSON: WebhookOrder},
        needs_body=True,
        errors=(errors.EmptyBodyError, errors.WebhookUrlError),
    ),
    Operation(
        "GET", "/webhooks", "The webhooks, the oldest first", {200: WebhookPage}, query=PageQuery
    ),
    Operation(
        "GET",
        "/webhooks/{id}",
        "One webhook",
        {200: WebhookAnswer},
        errors=(errors.WebhookNotFoundError,),
    ),
    Operation(
        "DELETE",
        "/webhooks/{id}",
        "Tell an address nothing more",
        {204: None},
        errors=(errors.WebhookNotFoundError,),
    ),
    Operation(
        "POST",
        "/webhooks/{id}/test",
        "Send a message that says nothing",
        {202: DeliveryAnswer},
        errors=(errors.WebhookNotFoundError,),
    ),
    Operation(
        "GET",
        "/webhooks/{id}/deliveries",
        "The messages to a webhook, newest first",
        {200: DeliveryPage},
        query=DeliveriesQuery,
        errors=(errors.WebhookNotFoundError,),
    ),
    Operation(
        "GET",
        "/webhooks/{id}/deliveries/{delivery}",
        "One message, and what became of it",
        {200: DeliveryAnswer},
        errors=(errors.WebhookNotFoundError, errors.DeliveryNotFoundError),
    ),
    Operation(
        "POST",
        "/webhooks/{id}/deliveries/{delivery}/redeliver",
        "Send a message once more",
        {202: DeliveryAnswer},
        errors=(errors.WebhookNotFoundError, errors.DeliveryNotFoundError),
    ),
    Operation(
        "GET",
        "/media/{key}",
        "A released file, whole or a range of it",
        {200: ANY, 206: ANY, 302: None, 304: None},
        query=SignedLinkQuery,
        errors=(errors.LinkExpiredError,),
        refused=(400, 416, 503),
    ),
    Operation("GET", "/health", "Whether the process answers", {200: AliveAnswer}),
    Operation("GET", "/ready", "Whether every part works", {200: ReadyAnswer, 503: ReadyAnswer}),
    Operation("GET", "/version", "Which build answers", {200: VersionAnswer}),
    Operation(
        "GET",
        "/metrics",
        "Metrics for Prometheus, which asks each process by itself; 404 through a proxy",
        {200: METRICS},
        refused=(404,),
    ),
    Operation("GET", "/static/{path}", "The pages' style and script", {200: ANY, 304: None}),
)
