"""Reading and correcting the lines that are spoken in a video.

    GET  /videos/{id}/lines              PATCH: correct several lines
    GET  /videos/{id}/lines/{number}     PUT: correct, DELETE: back to the recognised text
    PUT  /videos/{id}/captions           replace all lines by captions

A write must name in If-Match what it has seen, as for the lines of a dub (`lines.py`). Releases of
the video stay, and are stale until their dubs are requested again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import BinaryIO

import structlog
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in, media_type
from api.contract.etags import answer_with_etag, etag_of, require_match, with_etag
from api.contract.operation import FORM, JSON, Errors, Operation
from api.contract.responses import answer, video_answer, video_url
from api.contract.schemas import CaptionsOrder, VideoAnswer, parse
from api.contract.script import (
    LineOrder,
    LineOrders,
    SourceAnswer,
    SourceLineAnswer,
    author_of,
    current_of,
    left_out_answer,
    names_of,
    number_in,
)
from api.routes.submissions import captions_key_of, file_in
from api.services import Services, services_of
from api.uploads import MAX_CAPTIONS_BYTES, captions_in, receive_form
from dub_platform.core.errors import (
    EmptyBodyError,
    InvalidRequestError,
    InvalidVideoIdError,
    LineNotFoundError,
    LinesNotReadyError,
    VideoNotFoundError,
)
from dub_platform.core.service.videos import check_video_id
from dub_platform.core.text.belief import confidence_of
from dub_platform.core.text.edits import LineEdit
from dub_platform.core.text.script import Said, SaidLine
from dub_platform.observability.context import request_id
from resources.catalogue.scripts import said_in

Shown = Callable[[Said], BaseModel]
# Room for the multipart headers beside the file.
_FORM_BYTES = 64 * 1024
_log = structlog.get_logger(__name__)


class SourceLines(HTTPEndpoint):
    """The list of all lines spoken in a video."""

    def get(self, request: Request) -> Response:
        """Answer for each line its speaker, its times, its text, and its correction."""
        return answer_with_etag(request, answer(_show_all(request)(_read_said(request))))

    async def patch(self, request: Request) -> Response:
        """Correct several lines, or undo their corrections: either all or none, as one change."""
        orders = parse(LineOrders, await json_in(request) or b"{}")
        return await run_in_threadpool(_write, request, _show_all(request), orders.texts)


class SourceLine(HTTPEndpoint):
    """One line spoken in a video."""

    def get(self, request: Request) -> Response:
        """Answer the line's text, and its correction."""
        return answer_with_etag(request, answer(_show_line(request)(_read_said(request))))

    async def put(self, request: Request) -> Response:
        """Correct the text of the line."""
        order = parse(LineOrder, await json_in(request) or b"{}")
        texts = {number_in(request): order.text}
        return await run_in_threadpool(_write, request, _show_line(request), texts)

    def delete(self, request: Request) -> Response:
        """Undo the correction: the line has the recognised text again."""
        return _write(request, _show_line(request), {number_in(request): None})


class Captions(HTTPEndpoint):
    """The captions of a video."""

    async def put(self, request: Request) -> Response:
        """Replace what was recognised by the captions in this form, in whatever state the video
        is."""
        # First of all, because an unknown video is 404, whatever is wrong with the request.
        await run_in_threadpool(services_of(request).registry.video, _video_id(request))
        if media_type(request) != "multipart/form-data":
            raise HTTPException(
                415,
                "Captions are handed in as the field `captions` of a form, as curl -X PUT -F "
                "captions=@clip.srt does.",
            )
        async with receive_form(request, MAX_CAPTIONS_BYTES + _FORM_BYTES) as form:
            file = file_in(form, "captions")
            if file is None or len(form) > 1:
                raise InvalidRequestError(
                    "Send the captions, and nothing else, as the file `captions`."
                )
            return await run_in_threadpool(_save_captions, request, file.file)


def _save_captions(request: Request, file: BinaryIO) -> Response:
    services, video_id = services_of(request), _video_id(request)
    captions = captions_in(file)
    key = captions_key_of(video_id, captions)
    services.store.put_bytes(key, captions.text.encode())
    services.registry.caption(video_id, key, request_id=request_id())
    _log.info("captions handed in", video=video_id)
    shown = video_answer(services, *services.whole(video_id), captions_taken=True)
    return with_etag(answer(shown, 202))


def _write(request: Request, shown: Shown, texts: Mapping[int, str | None]) -> Response:
    """Set the texts of the lines with these numbers, if If-Match names what `shown` gives now.

    Raises PreconditionFailedError, PreconditionRequiredError, LineNotFoundError.
    """
    registry, video_id, done = services_of(request).registry, _video_id(request), False
    while not done:
        said = _read_said(request)
        seen_now = bytes(answer(shown(said)).body)
        require_match(request, etag_of(seen_now), current_of(seen_now, "corrected"), required=True)
        edits = _corrections(request, said, texts)
        # Somebody may correct another line meanwhile; then read again instead of refusing.
        seen = said.edits_made
        done = not edits or registry.edit(
            video_id, None, edits, after=seen, request_id=request_id()
        )
    return with_etag(answer(shown(_read_said(request)), 202))


def _corrections(request: Request, said: Said, texts: Mapping[int, str | None]) -> list[LineEdit]:
    """Return the corrections that change something. Raises LineNotFoundError."""
    author, now = author_of(request), datetime.now(timezone.utc)
    lines = [(said.line(number), text) for number, text in texts.items()]
    return [
        LineEdit.of(each.heard, text, author, now)
        for each, text in lines
        if text != (each.edit and each.edit.text)
    ]


def _show_all(request: Request) -> Shown:
    services = services_of(request)

    def shown(said: Said) -> SourceAnswer:
        names = names_of(services, [*_edits(said.lines), *said.left_out])
        return SourceAnswer(
            video_id=_video_id(request),
            language=said.transcript.language,
            engine=said.transcript.engine,
            confidence=round(confidence_of(said.transcript), 4),
            least_confidence=said.transcript.least_confidence,
            lines=[
                _describe_line(services, _video_id(request), line, names) for line in said.lines
            ],
            not_applied=[left_out_answer(edit, names) for edit in said.left_out],
        )

    return shown


def _show_line(request: Request) -> Shown:
    services = services_of(request)

    def shown(said: Said) -> SourceLineAnswer:
        line = said.line(number_in(request))
        return _describe_line(
            services, _video_id(request), line, names_of(services, _edits([line]))
        )

    return shown


def _describe_line(
    services: Services, video_id: str, said: SaidLine, names: Mapping[str, str]
) -> SourceLineAnswer:
    line, edit = said.line, said.edit
    return SourceLineAnswer(
        number=line.id,
        speaker=line.speaker,
        start=line.start,
        end=line.end,
        text=line.text,
        heard=said.heard.text,
        confidence=round(line.confidence, 4),
        doubt=line.doubt or None,
        corrected=edit is not None,
        corrected_at=edit and edit.made_at,
        corrected_by=edit and edit.author,
        corrected_by_name=edit and names.get(edit.author or ""),
        previous=edit and said.previous,
        url=f"{video_url(services, video_id)}/lines/{line.id}",
    )


def _edits(lines: Iterable[SaidLine]) -> list[LineEdit]:
    return [line.edit for line in lines if line.edit]


def _read_said(request: Request) -> Said:
    services = services_of(request)
    return said_in(services.registry, services.store, _video_id(request))


def _video_id(request: Request) -> str:
    return check_video_id(request.path_params["id"])


_OF_SOURCE: Errors = (
    InvalidVideoIdError,
    VideoNotFoundError,
    LinesNotReadyError,
)

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/videos/{id}/lines",
        SourceLines,
        "What is said in a video: who says what when, and what was corrected of it",
        {200: SourceAnswer},
        tagged=True,
        errors=_OF_SOURCE,
    ),
    Operation(
        "PATCH",
        "/videos/{id}/lines",
        SourceLines,
        "Correct several lines of what was heard, or go back: all or none, at once",
        {202: SourceAnswer},
        body={JSON: LineOrders},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_SOURCE, LineNotFoundError),
    ),
    Operation(
        "GET",
        "/videos/{id}/lines/{number}",
        SourceLine,
        "One line of what is said in a video",
        {200: SourceLineAnswer},
        tagged=True,
        errors=(*_OF_SOURCE, LineNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/lines/{number}",
        SourceLine,
        "Correct what was heard; the dubs are stale until they are asked for again",
        {202: SourceLineAnswer},
        body={JSON: LineOrder},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_SOURCE, LineNotFoundError),
    ),
    Operation(
        "DELETE",
        "/videos/{id}/lines/{number}",
        SourceLine,
        "Go back to what was heard",
        {202: SourceLineAnswer},
        tagged=True,
        matched=True,
        errors=(*_OF_SOURCE, LineNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/captions",
        Captions,
        "Have a video say what stands in captions, in place of what was heard",
        {202: VideoAnswer},
        body={FORM: CaptionsOrder},
        needs_body=True,
        errors=(
            InvalidVideoIdError,
            VideoNotFoundError,
            EmptyBodyError,
        ),
    ),
)
