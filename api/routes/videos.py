"""Videos and their dubs: listing, reading, changing, removing, and requesting a dub.

    GET  /videos?status=prepared&limit=20      GET /videos/{id}      PATCH /videos/{id}
    PUT  /videos/{id}/dubs/{language}          GET /videos/{id}/dubs/{language}
    DELETE /videos/{id}                        DELETE /videos/{id}/dubs/{language}

Handlers that read no body are plain functions: Starlette runs them in a thread, where the registry
may block. GET /videos/{id}, the most frequent request, is looked up in batches (`together.py`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.etags import answer_with_etag, etag_of, require_match, with_etag
from api.contract.operation import FORM, JSON, OF_DUB, Operation
from api.contract.responses import answer, dub_answer, renewal, video_answer, video_page
from api.contract.schemas import (
    DryRunQuery,
    DubAnswer,
    DubOrder,
    Quote,
    UploadOrder,
    VideoAnswer,
    VideoChange,
    VideoOrder,
    VideoPage,
    VideosQuery,
    parse,
)
from api.routes.languages import check_languages, check_source_language
from api.routes.leading import redirect_to, wants_page
from api.routes.submissions import hand_in
from api.routes.wording import require_heedable
from api.services import Services, services_of
from api.signed_links import require_offered
from dub_platform.core.errors import (
    DubNotFoundError,
    EmptyBodyError,
    InvalidVideoIdError,
    LanguageNotAvailableError,
    LinksNotEnabledError,
    MediaOverLimitError,
    MediaToolError,
    NoAudioError,
    NotAVideoError,
    PreconditionFailedError,
    SourceNotEnabledError,
    StorageError,
    TruncatedMediaError,
    UnknownLanguageError,
    VideoBeingRemovedError,
    VideoNotFoundError,
    VideoTooLongError,
    WordingNotAvailableError,
)
from dub_platform.core.languages import language
from dub_platform.core.service.videos import check_video_id
from dub_platform.observability.context import request_id
from dub_platform.registry.records import Dub, Wanted
from resources.catalogue.removal import withdraw, withdraw_dub

_log = structlog.get_logger(__name__)


class Videos(HTTPEndpoint):
    """The list of all videos."""

    async def post(self, request: Request) -> Response:
        """Submit a video; see `submissions.py`."""
        return await hand_in(request)

    def get(self, request: Request) -> Response:
        """List videos with their dubs, newest first unless `order=oldest`."""
        services, asked = services_of(request), parse(VideosQuery, request.query_params)
        code = None if asked.language is None else language(asked.language).code
        page = services.registry.videos(
            Wanted(asked.status, code, asked.dub_status, asked.search),
            cursor=asked.cursor,
            limit=asked.limit,
            oldest_first=asked.order == "oldest",
        )
        return answer_with_etag(
            request, answer(video_page(services, page, dict(request.query_params)))
        )


class Video(HTTPEndpoint):
    """One video."""

    async def get(self, request: Request) -> Response:
        """Answer the video's progress, with its dubs."""
        services, video_id = services_of(request), check_video_id(request.path_params["id"])
        return answer_with_etag(
            request, answer(video_answer(services, *await services.whole_together(video_id)))
        )

    async def patch(self, request: Request) -> Response:
        """Change who may watch the video, its title, its source language, or have it believed."""
        body = await json_in(request)
        if not body:
            raise EmptyBodyError(
                "The request is empty: send JSON with a visibility, a title, a source_language, or "
                "believe."
            )
        return await run_in_threadpool(_change_video, request, body)

    def delete(self, request: Request) -> Response:
        """Remove the video.

        It is gone at once for callers and viewers. Its files are deleted once no run works on it.
        """
        services, video_id = services_of(request), check_video_id(request.path_params["id"])
        services.registry.remove(video_id)
        _log.info("video removed", video=video_id)
        with _leaving_files_to_sensor(video_id):
            withdraw(services.store, video_id)
        return Response(status_code=204)


@contextlib.contextmanager
def _leaving_files_to_sensor(video_id: str) -> Iterator[None]:
    """Log an error of the store within the block: the sensor deletes the files later.

    The removal itself is committed by then, so the request has succeeded.
    """
    try:
        yield
    except StorageError as error:
        _log.warning("releases left to the sensor", video=video_id, error=error.sentence)


class Dubs(HTTPEndpoint):
    """One dub of one video."""

    async def put(self, request: Request) -> Response:
        """Request the dub, in a wording if the body has one.

        A repeated request changes nothing, unless the dub has failed or is stale: then it is queued
        again.
        """
        order = parse(DubOrder, await json_in(request) or b"{}")
        order = order.with_dry_run_of(parse(DryRunQuery, request.query_params))
        return await run_in_threadpool(_request_dub, request, order)

    async def post(self, request: Request) -> Response:
        """Request the dub from a page's button, which can send a plain POST only; redirect to
        its page."""
        asked = await run_in_threadpool(_request_dub, request, DubOrder())
        if not wants_page(request):
            return asked
        return redirect_to(json.loads(bytes(asked.body))["links"]["watch"])

    def delete(self, request: Request) -> Response:
        """Remove the dub. The video and its other dubs stay.

        It is gone at once for callers and viewers. Its files are deleted once no run works on it.
        """
        services, video_id = services_of(request), check_video_id(request.path_params["id"])
        code = language(request.path_params["language"]).code
        film_key = services.registry.remove_dub(video_id, code, request_id=request_id())
        _log.info("dub removed", video=video_id, language=code)
        with _leaving_files_to_sensor(video_id):
            withdraw_dub(services.store, video_id, code, film_key)
        return Response(status_code=204)

    def get(self, request: Request) -> Response:
        """Answer the dub's progress, and its files once it is released."""
        services, video_id = services_of(request), check_video_id(request.path_params["id"])
        code = language(request.path_params["language"]).code
        return answer_with_etag(
            request, _dub_response(services, services.registry.dub(video_id, code))
        )


def _change_video(request: Request, body: bytes) -> Response:
    services, video_id = services_of(request), check_video_id(request.path_params["id"])
    # First of all, because an unknown video is 404, whatever is wrong with the body.
    services.registry.video(video_id)
    change, registry = parse(VideoChange, body), services.registry
    spoken = change.source_language and check_source_language(
        change.source_language, detected=services.detects_languages
    )
    require_offered(services, change.visibility)
    registry.change(video_id, visibility=change.visibility, title=change.title)
    if spoken:
        registry.name_language(video_id, spoken, request_id=request_id())
    if change.believe:
        registry.believe(video_id, request_id=request_id())
    return with_etag(answer(video_answer(services, *services.whole(video_id))))


def _request_dub(request: Request, order: DubOrder) -> Response:
    services, video_id = services_of(request), check_video_id(request.path_params["id"])
    spoken = services.registry.video(video_id).language
    wanted = [request.path_params["language"]]
    [code] = check_languages(wanted, spoken=spoken, available=services.targets(spoken))
    if order.dry_run:
        require_heedable(services, order.wording)
        return answer(
            Quote(id=video_id, estimate=renewal(services, services.registry.video(video_id), code))
        )
    read = _read_dub(request, services, video_id, code)
    wording = require_heedable(services, order.wording)
    try:
        asked = services.registry.ask(video_id, code, wording, read=read, request_id=request_id())
    except PreconditionFailedError:
        # It changed after it was read: read again, for the error to show what is there now.
        _read_dub(request, services, video_id, code)
        raise
    services.announce(video_id, [code])
    return with_etag(_dub_response(services, asked, 202))


def _read_dub(request: Request, services: Services, video_id: str, code: str) -> Dub | None:
    """Return the dub that If-Match names; None without that header.

    Raises PreconditionFailedError.
    """
    if "if-match" not in request.headers:
        return None
    dub = services.registry.dub(video_id, code)
    shown = bytes(_dub_response(services, dub).body)
    require_match(request, etag_of(shown), json.loads(shown))
    return dub


def _dub_response(services: Services, dub: Dub, status: int = 200) -> Response:
    video, spent = services.registry.video(dub.video_id), services.spent([dub.video_id])
    return answer(dub_answer(services, video, dub, spent[video.id]), status)


_WORDED = (UnknownLanguageError, WordingNotAvailableError)

OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/videos",
        Videos,
        "Take a video in, as a link or as a file; with dry_run only say what it costs",
        {200: Quote, 202: VideoAnswer, 303: None},
        query=DryRunQuery,
        body={JSON: VideoOrder, FORM: UploadOrder},
        needs_body=True,
        errors=(
            InvalidVideoIdError,
            EmptyBodyError,
            *_WORDED,
            LanguageNotAvailableError,
            SourceNotEnabledError,
            NotAVideoError,
            TruncatedMediaError,
            NoAudioError,
            VideoTooLongError,
            MediaOverLimitError,
            MediaToolError,
            VideoBeingRemovedError,
            LinksNotEnabledError,
        ),
    ),
    Operation(
        "GET",
        "/videos",
        Videos,
        "The videos with their dubs, newest first; or those that are looked for",
        {200: VideoPage},
        query=VideosQuery,
        tagged=True,
        errors=(UnknownLanguageError,),
    ),
    Operation(
        "GET",
        "/videos/{id}",
        Video,
        "One video with its dubs",
        {200: VideoAnswer},
        tagged=True,
        errors=(InvalidVideoIdError, VideoNotFoundError),
    ),
    Operation(
        "PATCH",
        "/videos/{id}",
        Video,
        "Say who may watch a video, what it is called, what is spoken in it, or that it was heard "
        "right",
        {200: VideoAnswer},
        body={JSON: VideoChange},
        needs_body=True,
        tagged=True,
        errors=(
            InvalidVideoIdError,
            VideoNotFoundError,
            EmptyBodyError,
            LinksNotEnabledError,
            UnknownLanguageError,
            LanguageNotAvailableError,
        ),
    ),
    Operation(
        "DELETE",
        "/videos/{id}",
        Video,
        "Remove a video: its work is stopped, and all that was made of it goes",
        {204: None},
        errors=(InvalidVideoIdError, VideoNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/dubs/{language}",
        Dubs,
        "Ask for a dub: a new one, one that failed or is stale, or one in another wording; with "
        "dry_run only say what it costs",
        {200: Quote, 202: DubAnswer},
        query=DryRunQuery,
        body={JSON: DubOrder},
        tagged=True,
        errors=(
            InvalidVideoIdError,
            VideoNotFoundError,
            DubNotFoundError,
            *_WORDED,
            LanguageNotAvailableError,
        ),
    ),
    Operation(
        "POST",
        "/videos/{id}/dubs/{language}",
        Dubs,
        "The same for a form, which sends nothing else and goes on to the page that waits",
        {202: DubAnswer, 303: None},
        errors=(
            InvalidVideoIdError,
            VideoNotFoundError,
            *_WORDED,
            LanguageNotAvailableError,
        ),
    ),
    Operation(
        "DELETE",
        "/videos/{id}/dubs/{language}",
        Dubs,
        "Remove a dub: its work is stopped, and all that was made of it goes; the video stays",
        {204: None},
        errors=OF_DUB,
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}",
        Dubs,
        "One dub; once released, with its addresses and numbers",
        {200: DubAnswer},
        tagged=True,
        errors=OF_DUB,
    ),
)
