"""Asking about videos and their dubs, and for one more language.

    GET  /videos?status=prepared&limit=20      GET /videos/{id}      PATCH /videos/{id}
    PUT  /videos/{id}/dubs/{language}          GET /videos/{id}/dubs/{language}
    DELETE /videos/{id}                        DELETE /videos/{id}/dubs/{language}

Handlers that read no body are plain functions: Starlette runs them in a thread, so the registry
may block. The video that is asked for most is looked up together for all who ask (`together.py`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.etags import etag_of, require_match, tagged, with_etag
from api.contract.responses import answer, dub_answer, renewal, video_answer, video_page
from api.contract.schemas import DubOrder, Listing, Quote, Trying, VideoChange, parsed
from api.routes.languages import chosen, named
from api.routes.leading import led_on, wants_page
from api.routes.submissions import hand_in
from api.routes.wording import heedable
from api.services import Services, services_of
from api.signed_links import offered
from dub_platform.core.errors import EmptyBodyError, PreconditionFailedError, StorageError
from dub_platform.core.languages import language
from dub_platform.core.videos import checked_id
from dub_platform.observability.context import request_id
from dub_platform.registry.records import Dub, Wanted
from resources.catalogue.removal import withdraw, withdraw_dub

_log = structlog.get_logger(__name__)


class Videos(HTTPEndpoint):
    """All videos."""

    async def post(self, request: Request) -> Response:
        """Hand one in; see `submissions.py`."""
        return await hand_in(request)

    def get(self, request: Request) -> Response:
        """List them with their dubs, newest first unless the oldest are to be."""
        services, asked = services_of(request), parsed(Listing, request.query_params)
        code = None if asked.language is None else language(asked.language).code
        page = services.registry.videos(
            Wanted(asked.status, code, asked.dub_status, asked.search),
            cursor=asked.cursor,
            limit=asked.limit,
            oldest_first=asked.order == "oldest",
        )
        return tagged(request, answer(video_page(services, page, dict(request.query_params))))


class Video(HTTPEndpoint):
    """One video."""

    async def get(self, request: Request) -> Response:
        """How far it is, with its dubs."""
        services, video_id = services_of(request), checked_id(request.path_params["id"])
        return tagged(
            request, answer(video_answer(services, *await services.whole_together(video_id)))
        )

    async def patch(self, request: Request) -> Response:
        """Change who may watch it and what it is called, or say how it is to be listened to."""
        body = await json_in(request)
        if not body:
            raise EmptyBodyError(
                "The request is empty: send JSON with a visibility, a title, a source_language, or "
                "believe."
            )
        return await run_in_threadpool(_changed, request, body)

    def delete(self, request: Request) -> Response:
        """Remove it: at once for whoever asks or watches, and what was made of it as soon as no run
        works on it any more."""
        services, video_id = services_of(request), checked_id(request.path_params["id"])
        services.registry.remove(video_id)
        _log.info("video removed", video=video_id)
        with _left_to_sensor(video_id):
            withdraw(services.store, video_id)
        return Response(status_code=204)


@contextlib.contextmanager
def _left_to_sensor(video_id: str) -> Iterator[None]:
    """The removal is committed: where the store fails, the sensor deletes whatever is left."""
    try:
        yield
    except StorageError as error:
        _log.warning("releases left to the sensor", video=video_id, error=error.sentence)


class Dubs(HTTPEndpoint):
    """One dub of one video."""

    async def put(self, request: Request) -> Response:
        """Ask for it, in a wording if the body says one. Asking for the same again changes nothing,
        except that a dub that failed, or is stale, is queued again."""
        order = parsed(DubOrder, await json_in(request) or b"{}")
        order = order.tried(parsed(Trying, request.query_params))
        return await run_in_threadpool(_asked, request, order)

    async def post(self, request: Request) -> Response:
        """Ask for it as a button of a page does, which can send nothing else; the page that waits
        for it comes next."""
        asked = await run_in_threadpool(_asked, request, DubOrder())
        if not wants_page(request):
            return asked
        return led_on(json.loads(bytes(asked.body))["links"]["watch"])

    def delete(self, request: Request) -> Response:
        """Remove it: at once for whoever asks or watches, and what was made of it as soon as no run
        works on it any more. The video and its other dubs stay."""
        services, video_id = services_of(request), checked_id(request.path_params["id"])
        code = language(request.path_params["language"]).code
        film_key = services.registry.remove_dub(video_id, code, request_id=request_id())
        _log.info("dub removed", video=video_id, language=code)
        with _left_to_sensor(video_id):
            withdraw_dub(services.store, video_id, code, film_key)
        return Response(status_code=204)

    def get(self, request: Request) -> Response:
        """How far it is, and once it is released, where it is."""
        services, video_id = services_of(request), checked_id(request.path_params["id"])
        code = language(request.path_params["language"]).code
        return tagged(request, _dub(services, services.registry.dub(video_id, code)))


def _changed(request: Request, body: bytes) -> Response:
    services, video_id = services_of(request), checked_id(request.path_params["id"])
    # What is not there has nothing wrong with it.
    services.registry.video(video_id)
    change, registry = parsed(VideoChange, body), services.registry
    spoken = change.source_language and named(
        change.source_language, detected=services.detects_languages
    )
    offered(services, change.visibility)
    registry.change(video_id, visibility=change.visibility, title=change.title)
    if spoken:
        registry.name_language(video_id, spoken, request_id=request_id())
    if change.believe:
        registry.believe(video_id, request_id=request_id())
    return with_etag(answer(video_answer(services, *services.whole(video_id))))


def _asked(request: Request, order: DubOrder) -> Response:
    services, video_id = services_of(request), checked_id(request.path_params["id"])
    spoken = services.registry.video(video_id).language
    wanted = [request.path_params["language"]]
    [code] = chosen(wanted, spoken=spoken, available=services.targets(spoken))
    if order.dry_run:
        heedable(services, order.wording)
        return answer(
            Quote(id=video_id, estimate=renewal(services, services.registry.video(video_id), code))
        )
    read, wording = _read(request, services, video_id, code), heedable(services, order.wording)
    try:
        asked = services.registry.ask(video_id, code, wording, read=read, request_id=request_id())
    except PreconditionFailedError:
        # It was changed between the two: what is there now is told as in any other case.
        _read(request, services, video_id, code)
        raise
    services.announce(video_id, [code])
    return with_etag(_dub(services, asked, 202))


def _read(request: Request, services: Services, video_id: str, code: str) -> Dub | None:
    """The dub that the client insists on having read; None where it insists on nothing."""
    if "if-match" not in request.headers:
        return None
    dub = services.registry.dub(video_id, code)
    shown = bytes(_dub(services, dub).body)
    require_match(request, etag_of(shown), json.loads(shown))
    return dub


def _dub(services: Services, dub: Dub, status: int = 200) -> Response:
    video, spent = services.registry.video(dub.video_id), services.spent([dub.video_id])
    return answer(dub_answer(services, video, dub, spent[video.id]), status)
