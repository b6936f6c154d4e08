"""What is asked and what is answered, field by field.

    order = parsed(VideoOrder, body)          # JSON bytes; or a mapping of form fields
    order.languages

Errors of the shape become one sentence of ours (InvalidRequestError).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from dub_platform.core.errors import InvalidRequestError
from dub_platform.registry.port import DubStatus, Source, VideoStatus

MAX_LANGUAGES = 20

Languages = Annotated[
    list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=MAX_LANGUAGES)
]
LanguageCode = Annotated[str, Field(max_length=20)]


class Asked(BaseModel):
    """A part of a request: a field we do not know is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VideoOrder(Asked):
    """POST /videos as JSON. `source` is a YouTube id or the address of its page."""

    source: Annotated[str, Field(min_length=1, max_length=2048)]
    languages: Languages
    source_language: LanguageCode | None = None
    dry_run: bool = False


class UploadOrder(Asked):
    """The fields beside the file in a POST /videos as multipart/form-data."""

    languages: Languages
    title: str = ""
    source_language: LanguageCode | None = None
    dry_run: bool = False


class Listing(Asked):
    """The query of GET /videos."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: VideoStatus | None = None
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Failure(BaseModel):
    """Why a video or a dub failed, in words for its user, and whether asking again can help."""

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
    """What was measured on the released track. Onset is against the original's, in ms."""

    seconds: float
    lufs: float
    true_peak_db: float
    onset_p95_ms: float
    tempo_p95: float
    bytes: int
    cost_usd: float


class DubAnswer(BaseModel):
    """One dub. The URLs and numbers are there once its status is released."""

    video_id: str
    language: str
    language_name: str
    status: DubStatus
    stage: str | None
    generation: int
    created_at: datetime
    updated_at: datetime
    links: DubLinks
    cost_usd: float
    error: Failure | None = None
    track_url: str | None = None
    video_url: str | None = None
    captions_urls: dict[str, str] | None = None
    source_captions_urls: dict[str, str] | None = None
    manifest_url: str | None = None
    numbers: DubNumbers | None = None


class Estimate(BaseModel):
    """About what the languages asked for will cost; no `usd` for a link of unknown length."""

    usd: float | None
    usd_per_minute: float
    seconds: float | None
    languages: list[str]
    prices_taken_on: date


class Quote(BaseModel):
    """The answer to a dry run: nothing was taken in."""

    id: str
    dry_run: bool = True
    estimate: Estimate


class VideoAnswer(BaseModel):
    """One video with its dubs; `created` and `estimate` only in the answer to POST /videos."""

    id: str
    source: Source
    title: str
    language: str
    status: VideoStatus
    stage: str | None
    created_at: datetime
    updated_at: datetime
    duration_seconds: float | None
    file_size_bytes: int | None
    links: VideoLinks
    error: Failure | None = None
    dubs: list[DubAnswer]
    cost_usd: float
    created: bool | None = None
    estimate: Estimate | None = None


class VideoRow(BaseModel):
    """One video of a listing; its dubs stand at `url`."""

    id: str
    source: Source
    title: str
    language: str
    status: VideoStatus
    created_at: datetime
    duration_seconds: float | None
    url: str
    watch_url: str


class VideoPage(BaseModel):
    """A page of the listing, newest first; `next_url` is absent on the last one."""

    videos: list[VideoRow]
    next_cursor: str | None = None
    next_url: str | None = None


AskedT = TypeVar("AskedT", bound=Asked)


def parsed(shape: type[AskedT], given: bytes | Mapping[str, Any]) -> AskedT:
    """`given` in the shape asked for.

    Raises InvalidRequestError with a sentence, or HTTPException 400 for JSON that is none.
    """
    try:
        if isinstance(given, bytes):
            return shape.model_validate_json(given)
        return shape.model_validate(given)
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError) -> Exception:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return HTTPException(400, "The body is not valid JSON. Send one object in UTF-8.")
    said = "; ".join(_said(fault["loc"], fault["msg"]) for fault in faults[:3])
    return InvalidRequestError(f"The request cannot be taken as it is: {said}.")


def _said(where: tuple[int | str, ...], what: str) -> str:
    field = ".".join(str(step)[:40] for step in where) or "the body"
    return f"{field}: {what[:1].lower()}{what[1:]}"
