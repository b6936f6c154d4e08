"""Asking about videos and their dubs, and for one more language.

    GET  /videos?status=prepared&limit=20      GET /videos/{id}
    PUT  /videos/{id}/dubs/{language}          GET /videos/{id}/dubs/{language}

Handlers that read no body are plain functions: Starlette runs them in a thread, so the registry
may block.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer, dub_answer, video_answer, video_page
from api.bodies import json_in
from api.desk import Desk, desk_of
from api.intake import hand_in
from api.languages import chosen
from api.schemas import DubAnswer, DubOrder, Listing, parsed
from api.wording import heedable
from dub_platform.core.languages import language
from dub_platform.core.videos import checked_id
from dub_platform.observability.context import request_id
from dub_platform.registry.port import Dub


class Videos(HTTPEndpoint):
    """All videos."""

    async def post(self, request: Request) -> Response:
        """Hand one in; see `intake.py`."""
        return await hand_in(request)

    def get(self, request: Request) -> Response:
        """List them, newest first."""
        desk, query = desk_of(request), dict(request.query_params)
        asked = parsed(Listing, query)
        page = desk.registry.videos(status=asked.status, cursor=asked.cursor, limit=asked.limit)
        return answer(video_page(desk, page, query))


def video(request: Request) -> Response:
    """One video with its dubs."""
    desk, video_id = desk_of(request), checked_id(request.path_params["id"])
    found = desk.registry.video(video_id)
    return answer(video_answer(desk, found, desk.registry.dubs(video_id)))


class Dubs(HTTPEndpoint):
    """One dub of one video."""

    async def put(self, request: Request) -> Response:
        """Ask for it, in a wording if the body says one. Asking for the same again changes nothing,
        except that a failed dub is queued again."""
        order = parsed(DubOrder, await json_in(request) or b"{}")
        return await run_in_threadpool(_asked, request, order)

    def get(self, request: Request) -> Response:
        """How far it is, and once it is released, where it is."""
        desk, video_id = desk_of(request), checked_id(request.path_params["id"])
        code = language(request.path_params["language"]).code
        return answer(_dub_answer(desk, desk.registry.dub(video_id, code)))


def _asked(request: Request, order: DubOrder) -> Response:
    desk, video_id = desk_of(request), checked_id(request.path_params["id"])
    spoken = desk.registry.video(video_id).language
    wanted = [request.path_params["language"]]
    [code] = chosen(wanted, spoken=spoken, available=desk.targets(spoken))
    wording = heedable(desk, order.wording)
    asked = desk.registry.ask(video_id, code, wording, request_id=request_id())
    desk.announce(video_id, [code])
    return answer(_dub_answer(desk, asked), 202)


def _dub_answer(desk: Desk, dub: Dub) -> DubAnswer:
    return dub_answer(desk, desk.registry.video(dub.video_id), dub, desk.spent(dub.video_id))
