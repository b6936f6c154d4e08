"""Reading and editing the lines of a dub.

    GET    /videos/{id}/dubs/{language}/lines              PATCH: edit several lines
    GET    /videos/{id}/dubs/{language}/lines/{number}     PUT: edit, DELETE: undo the edit
    GET    /videos/{id}/dubs/{language}/lines/{number}/take     the sound; POST: speak a draft

A write must name in If-Match the lines it has seen, so that it never overwrites another person's
edits. It requests the dub anew; the old release stays until the new one is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.etags import answer_with_etag, etag_of, require_match, with_etag
from api.contract.operation import ANY, JSON, OF_DUB, Errors, Operation
from api.contract.responses import answer
from api.contract.schemas import parse
from api.contract.script import (
    DubId,
    LineAnswer,
    LineOrder,
    LineOrders,
    ScriptAnswer,
    TakeAnswer,
    TakeOrder,
    TakeQuery,
    author_of,
    current_of,
    line_answer,
    number_in,
    script_answer,
    take_answer,
)
from api.routes.ranges import answer_part
from api.services import Services, services_of
from dub_platform.core.errors import (
    BadTakeError,
    CostCapError,
    EngineFailedError,
    EngineUnavailableError,
    LanguageNotAvailableError,
    LineNotFoundError,
    LinesNotReadyError,
    ProviderAnswerError,
    ProviderBusyError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from dub_platform.core.languages import language
from dub_platform.core.service.videos import check_video_id
from dub_platform.core.speech import Take
from dub_platform.core.text.edits import LineEdit
from dub_platform.core.text.script import Script
from dub_platform.observability.context import request_id
from resources.catalogue.scripts import released_take, script_of
from resources.store.port import media_type

if TYPE_CHECKING:
    from resources.fitting.drafts import Drafts
    from resources.voice.takes import TakeKeeper

Shown = Callable[[Script], BaseModel]


class Lines(HTTPEndpoint):
    """The list of all lines of a dub."""

    def get(self, request: Request) -> Response:
        """Answer for each line its source, its text, and its place in the release."""
        return answer_with_etag(request, answer(_show_all(request)(_read_script(request))))

    async def patch(self, request: Request) -> Response:
        """Edit several lines, or undo their edits: either all of them or none."""
        orders = parse(LineOrders, await json_in(request) or b"{}")
        return await run_in_threadpool(_write, request, _show_all(request), orders.texts)


class OneLine(HTTPEndpoint):
    """One line of a dub."""

    def get(self, request: Request) -> Response:
        """Answer the line's source, its text, and its place in the release."""
        return answer_with_etag(request, answer(_show_line(request)(_read_script(request))))

    async def put(self, request: Request) -> Response:
        """Edit the text of the line."""
        order = parse(LineOrder, await json_in(request) or b"{}")
        texts = {number_in(request): order.text}
        return await run_in_threadpool(_write, request, _show_line(request), texts)

    def delete(self, request: Request) -> Response:
        """Undo the edit: the line has its translation again."""
        return _write(request, _show_line(request), {number_in(request): None})


class LineTake(HTTPEndpoint):
    """The recording of one line, alone and at its natural tempo."""

    async def get(self, request: Request) -> Response:
        """Answer the recording of the release, or of a draft that was spoken before."""
        # As with every file, what others add to its address is no reason to refuse it.
        asked = {"text": request.query_params.get("text")}
        text = parse(TakeQuery, json.dumps(asked).encode()).text
        if text is None:
            return await run_in_threadpool(_answer_released, request)
        return await services_of(request).drafting.run(
            services_of(request).tenant, lambda keeper: _answer_draft(request, keeper, text)
        )

    async def post(self, request: Request) -> Response:
        """Speak the draft of a line, and answer how well it fits; nothing is published."""
        order = parse(TakeOrder, await json_in(request) or b"{}")
        services = services_of(request)
        return await services.drafting.run(
            services.tenant, lambda keeper: _speak_draft(request, keeper, order.text)
        )


def _open_drafts(services: Services, keeper: TakeKeeper) -> Drafts:
    # When the first is wanted: the API starts without what speaks them.
    from resources.fitting.drafts import Drafts

    return Drafts(services.registry, services.store, keeper)


def _speak_draft(request: Request, keeper: TakeKeeper, text: str | None) -> Response:
    services, dub = services_of(request), _dub_in(request)
    drafts = _open_drafts(services, keeper)
    return answer(take_answer(services, dub, drafts.speak(*dub, number_in(request), text)))


def _answer_draft(request: Request, keeper: TakeKeeper, text: str) -> Response:
    services = services_of(request)
    drafts = _open_drafts(services, keeper)
    return _answer_sound(request, drafts.find(*_dub_in(request), number_in(request), text))


def _answer_released(request: Request) -> Response:
    services = services_of(request)
    numbered = *_dub_in(request), number_in(request)
    return _answer_sound(request, released_take(services.registry, services.store, *numbered))


def _answer_sound(request: Request, take: Take) -> Response:
    content = services_of(request).store.get_bytes(take.audio_key)
    headers = {
        "content-type": media_type(take.audio_key),
        # The next release may have another recording at this address.
        "cache-control": "private, no-cache",
    }
    return answer_part(request, content, f'"{take.key[:32]}"', headers)


def _write(request: Request, shown: Shown, texts: Mapping[int, str | None]) -> Response:
    """Set the texts of the lines with these numbers, if If-Match names what `shown` gives now.

    Raises PreconditionFailedError, PreconditionRequiredError, LineNotFoundError.
    """
    registry, dub, done = services_of(request).registry, _dub_in(request), False
    while not done:
        script = _read_script(request)
        seen_now = bytes(answer(shown(script)).body)
        require_match(request, etag_of(seen_now), current_of(seen_now, "edited"), required=True)
        edits = _edits(request, script, texts)
        # Somebody may edit another line meanwhile; then read again instead of refusing this edit.
        seen = script.edits_made
        done = not edits or registry.edit(*dub, edits, after=seen, request_id=request_id())
    return with_etag(answer(shown(_read_script(request)), 202))


def _edits(request: Request, script: Script, texts: Mapping[int, str | None]) -> list[LineEdit]:
    """Return the edits that change something. Raises LineNotFoundError.

    An edit with an unchanged text counts too if the line's source was corrected after it.
    """
    author, now = author_of(request), datetime.now(timezone.utc)
    lines = [(script.line(number), text) for number, text in texts.items()]
    return [
        LineEdit.of(each.heard, text, author, now)
        for each, text in lines
        if text != (each.edit and each.edit.text) or each.is_old
    ]


def _show_all(request: Request) -> Shown:
    return lambda script: script_answer(services_of(request), _dub_in(request), script)


def _show_line(request: Request) -> Shown:
    return lambda script: line_answer(
        services_of(request), _dub_in(request), script.line(number_in(request))
    )


def _read_script(request: Request) -> Script:
    services = services_of(request)
    return script_of(services.registry, services.store, *_dub_in(request))


def _dub_in(request: Request) -> DubId:
    asked = request.path_params
    return DubId(check_video_id(asked["id"]), language(asked["language"]).code)


_OF_LINES: Errors = (*OF_DUB, LinesNotReadyError)
_OF_VOICE: Errors = (
    LanguageNotAvailableError,
    CostCapError,
    EngineUnavailableError,
    EngineFailedError,
    BadTakeError,
    ProviderRefusedError,
    ProviderBusyError,
    ProviderUnavailableError,
    ProviderAnswerError,
)

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}/lines",
        Lines,
        "The lines of a dub: what was said, what is said in place of it, and where",
        {200: ScriptAnswer},
        tagged=True,
        errors=_OF_LINES,
    ),
    Operation(
        "PATCH",
        "/videos/{id}/dubs/{language}/lines",
        Lines,
        "Edit several lines, or go back from their edits: all or none",
        {202: ScriptAnswer},
        body={JSON: LineOrders},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_LINES, LineNotFoundError),
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}/lines/{number}",
        OneLine,
        "One line of a dub",
        {200: LineAnswer},
        tagged=True,
        errors=(*_OF_LINES, LineNotFoundError),
    ),
    Operation(
        "PUT",
        "/videos/{id}/dubs/{language}/lines/{number}",
        OneLine,
        "Have a line say something else",
        {202: LineAnswer},
        body={JSON: LineOrder},
        needs_body=True,
        tagged=True,
        matched=True,
        errors=(*_OF_LINES, LineNotFoundError),
    ),
    Operation(
        "DELETE",
        "/videos/{id}/dubs/{language}/lines/{number}",
        OneLine,
        "Go back to a line's translation",
        {202: LineAnswer},
        tagged=True,
        matched=True,
        errors=(*_OF_LINES, LineNotFoundError),
    ),
    Operation(
        "GET",
        "/videos/{id}/dubs/{language}/lines/{number}/take",
        LineTake,
        "The sound of a line of the release by itself, or of a draft that was spoken, whole or a "
        "range of it",
        {200: ANY, 206: ANY, 304: None},
        query=TakeQuery,
        errors=(*_OF_LINES, LineNotFoundError),
        refused=(416,),
    ),
    Operation(
        "POST",
        "/videos/{id}/dubs/{language}/lines/{number}/take",
        LineTake,
        "Speak a line in the words of a draft, and say whether it fits; nothing is published",
        {200: TakeAnswer},
        body={JSON: TakeOrder},
        errors=(*_OF_LINES, LineNotFoundError, *_OF_VOICE),
    ),
)
