"""Error answers: the HTTP status of each error, and its problem document (RFC 9457).

    HTTP/1.1 422
    content-type: application/problem+json

    {"type": "/problems/language_unknown", "title": "Language unknown", "status": 422,
     "detail": "'xx' is not a language code: ...", "code": "language_unknown",
     "request_id": "5f0c..."}

A browser that asks for a page gets the same text as a page. Details of a server error go to the log
and never to the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from api.contract.schemas import Problem
from api.rendering import render
from api.request_log import route_of
from api.services import services_of
from dub_platform.core.errors import (
    ArtifactMissingError,
    ChannelNotFoundError,
    CostCapError,
    CrossSiteError,
    DeliveryNotFoundError,
    DubError,
    DubNotFoundError,
    EmptyBodyError,
    EngineFailedError,
    EngineUnavailableError,
    InputError,
    KeyInvalidError,
    KeyNotFoundError,
    KeyRequiredError,
    LineNotFoundError,
    LinesNotReadyError,
    LinkExpiredError,
    MediaError,
    NotLocalError,
    PreconditionFailedError,
    PreconditionRequiredError,
    ProviderBusyError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RequestInProgressError,
    ScopeMissingError,
    SlowBodyError,
    SourceError,
    SourceUnreachableError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
    UnknownHostError,
    UploadTooLargeError,
    VideoBeingRemovedError,
    VideoNotFoundError,
    WebhookNotFoundError,
)

STATUS: Mapping[type[DubError], int] = {
    InputError: 422,
    EmptyBodyError: 422,
    UploadTooLargeError: 413,
    VideoNotFoundError: 404,
    DubNotFoundError: 404,
    LineNotFoundError: 404,
    LinesNotReadyError: 409,
    ChannelNotFoundError: 404,
    KeyNotFoundError: 404,
    KeyRequiredError: 401,
    KeyInvalidError: 401,
    ScopeMissingError: 403,
    NotLocalError: 403,
    UnknownHostError: 421,
    CrossSiteError: 403,
    LinkExpiredError: 403,
    SlowBodyError: 408,
    RateLimitedError: 429,
    VideoBeingRemovedError: 409,
    RequestInProgressError: 409,
    PreconditionFailedError: 412,
    PreconditionRequiredError: 428,
    WebhookNotFoundError: 404,
    DeliveryNotFoundError: 404,
    SourceError: 422,
    SourceUnreachableError: 502,
    MediaError: 422,
    CostCapError: 402,
    EngineUnavailableError: 503,
    EngineFailedError: 503,
    ProviderBusyError: 503,
    ProviderUnavailableError: 503,
    ProviderError: 502,
    ArtifactMissingError: 404,
    StorageError: 503,
    StorageFullError: 507,
    DubError: 500,
}

HTTP_CODE: Mapping[int, str] = {
    400: "request_malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "upload_too_large",
    414: "address_too_long",
    415: "content_type_unsupported",
    416: "range_not_satisfiable",
    431: "headers_too_large",
    503: "too_busy",
}

HTTP_DETAIL: Mapping[int, str] = {
    400: "The request is not one that HTTP knows: look at its headers.",
    404: "There is nothing at this address; /docs lists what there is.",
    405: "This address does not take that method; the Allow header says which it takes.",
    414: "The address is longer than 8 KiB: send less in its query.",
    416: "The file is shorter than that: its length stands in Content-Range.",
    431: "The headers are larger than 32 KiB together: send fewer or shorter ones.",
}

SERVER_DETAIL = (
    "The platform could not do this just now. Nothing that was accepted is lost: try again, and "
    "if it stays so, tell the operator the request_id."
)

_log = structlog.get_logger(__name__)


def status_of(error: DubError) -> int:
    """Return the HTTP status of an error: its own class's, or its nearest parent's in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    current: Mapping[str, Any] | None = None,
    *,
    is_told: bool = False,
) -> Response:
    """Make a problem document, or a page of it for a browser that asked for one.

    The sentence of a server error may name paths or hosts, so it is left out unless it `is_told`.
    """
    document = Problem(
        type=f"/problems/{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail if status < 500 or is_told else SERVER_DETAIL,
        code=code,
        request_id=request.scope.get("state", {}).get("request_id"),
    ).model_dump(exclude={"current"})
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "problem.html", document, status=status, headers=headers)
    if current is not None:
        document["current"] = current
    return JSONResponse(document, status, headers=headers, media_type="application/problem+json")


async def on_dub_error(request: Request, error: Exception) -> Response:
    """Answer an error of this platform; log and report it if its status is 5xx."""
    failure = cast(DubError, error)  # Starlette looks the handler up by this class
    status = status_of(failure)
    if status >= 500:
        _log.error("request not served", exc_info=failure, **failure.as_details())
        services_of(request).reporter.report(failure, stage=route_of(request.scope))
    # Closing the connection saves the server from reading the rest of a large or slow body.
    headers = {"connection": "close"} if status in (408, 413) else None
    current = failure.current if isinstance(failure, PreconditionFailedError) else None
    # Of what a provider did not do, the same sentence stands in the dub that failed by it.
    is_told = isinstance(failure, ProviderError)
    return problem(
        request, status, failure.code, failure.sentence, headers, current, is_told=is_told
    )


async def answer_error(
    error: DubError, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]
) -> None:
    """Send an error's answer from within a middleware, before any route was chosen."""
    request = Request(scope)
    answer = problem(request, status_of(error), error.code, error.sentence, headers)
    await answer(scope, receive, send)


async def on_busy_database(request: Request, error: Exception) -> Response:
    """Answer 503 if no connection to the registry's database came free in time."""
    busy = StorageUnavailableError(
        "The registry's database is asked for more than it can do. Try again in a moment.",
        detail=str(error),
    )
    return await on_dub_error(request, busy)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: an unknown address, method, or content type."""
    refusal = cast(HTTPException, error)
    said = refusal.detail if refusal.detail != HTTPStatus(refusal.status_code).phrase else None
    return http_problem(request, refusal.status_code, said, refusal.headers)


def http_problem(
    request: Request,
    status: int,
    said: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the problem document of a plain HTTP status; `said` is its detail, if there is a
    better one."""
    detail = said or HTTP_DETAIL.get(status, f"{HTTPStatus(status).phrase}.")
    return problem(request, status, HTTP_CODE.get(status, "http_error"), detail, headers)


async def on_client_gone(_: Request, __: Exception) -> Response:
    """Answer nobody: the client has left, and the status is for the log line."""
    return Response(status_code=499)
