"""Reading and editing the lines of a dub.

    GET    /videos/{id}/dubs/{language}/lines              PATCH: several edits at once
    GET    /videos/{id}/dubs/{language}/lines/{number}     PUT: an edit, DELETE: back from it
    GET    /videos/{id}/dubs/{language}/lines/{number}/take     its sound

A write says in If-Match which lines it has seen, and is not made over others' edits. It asks for
the dub anew; what is released stays until there is the new release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.etags import etag_of, require_match, tagged, with_etag
from api.contract.responses import answer
from api.contract.schemas import parsed
from api.contract.script import (
    Dubbed,
    LineOrder,
    LineOrders,
    author_of,
    current_of,
    line_answer,
    number_in,
    script_answer,
)
from api.routes.ranges import answer_part
from api.services import services_of
from dub_platform.core.edits import LineEdit
from dub_platform.core.languages import language
from dub_platform.core.script import Script
from dub_platform.core.videos import checked_id
from dub_platform.observability.context import request_id
from resources.catalogue.scripts import released_take, script_of
from resources.store.port import media_type

Shown = Callable[[Script], BaseModel]


class Lines(HTTPEndpoint):
    """All lines of a dub."""

    def get(self, request: Request) -> Response:
        """What was said, what is said in place of it, and where the release has it."""
        return tagged(request, answer(_all(request)(_script(request))))

    async def patch(self, request: Request) -> Response:
        """Edit several lines, or go back from their edits: all or none."""
        orders = parsed(LineOrders, await json_in(request) or b"{}")
        return await run_in_threadpool(_write, request, _all(request), orders.texts)


class OneLine(HTTPEndpoint):
    """One line of a dub."""

    def get(self, request: Request) -> Response:
        """The same of one line."""
        return tagged(request, answer(_one(request)(_script(request))))

    async def put(self, request: Request) -> Response:
        """Have it say something else."""
        order = parsed(LineOrder, await json_in(request) or b"{}")
        texts = {number_in(request): order.text}
        return await run_in_threadpool(_write, request, _one(request), texts)

    def delete(self, request: Request) -> Response:
        """Go back to the translation."""
        return _write(request, _one(request), {number_in(request): None})


def hear_line(request: Request) -> Response:
    """The recording of a line that is in the release, by itself and at its own tempo."""
    services, dub = services_of(request), _dub(request)
    found = released_take(services.registry, services.store, *dub, number_in(request))
    content = services.store.get_bytes(found.audio_key)
    headers = {
        "content-type": media_type(found.audio_key),
        # The next release may have another one at this address.
        "cache-control": "private, no-cache",
    }
    return answer_part(request, content, f'"{found.key[:32]}"', headers)


def _write(request: Request, shown: Shown, texts: Mapping[int, str | None]) -> Response:
    """Have the lines of these numbers say these texts, if `shown` is what the client has seen."""
    registry, dub, done = services_of(request).registry, _dub(request), False
    while not done:
        script = _script(request)
        seen_now = bytes(answer(shown(script)).body)
        require_match(request, etag_of(seen_now), current_of(seen_now, "edited"), required=True)
        edits = _edits(request, script, texts)
        # Another line may be edited meanwhile, which is no reason to refuse this one.
        seen = script.edits_made
        done = not edits or registry.edit(*dub, edits, after=seen, request_id=request_id())
    return with_etag(answer(shown(_script(request)), 202))


def _edits(request: Request, script: Script, texts: Mapping[int, str | None]) -> list[LineEdit]:
    """The edits that change something, and those that say anew what stands there after its source
    was corrected. Raises LineNotFoundError."""
    author, now = author_of(request), datetime.now(timezone.utc)
    lines = [(script.line(number), text) for number, text in texts.items()]
    return [
        LineEdit.of(each.heard, text, author, now)
        for each, text in lines
        if text != (each.edit and each.edit.text) or each.is_old
    ]


def _all(request: Request) -> Shown:
    return lambda script: script_answer(services_of(request), _dub(request), script)


def _one(request: Request) -> Shown:
    return lambda script: line_answer(
        services_of(request), _dub(request), script.line(number_in(request))
    )


def _script(request: Request) -> Script:
    services = services_of(request)
    return script_of(services.registry, services.store, *_dub(request))


def _dub(request: Request) -> Dubbed:
    asked = request.path_params
    return Dubbed(checked_id(asked["id"]), language(asked["language"]).code)
