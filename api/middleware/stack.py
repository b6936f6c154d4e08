"""What happens to every request, whatever it asks for.

RequestContext      its id, in the answer's X-Request-ID and on every log line; its own line
SecurityHeaders     what a browser must not do with the answer
UnexpectedErrors    a bug is logged whole and answered without a word of its inside
PlainRefusals       what a library refuses in bare text is answered as everything else is
"""

from __future__ import annotations

import re
import secrets

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.contract.problems import SERVER_DETAIL, http_problem, problem
from api.middleware.metrics import Metrics
from api.middleware.slow_bodies import ClientGoneError
from api.request_log import Exchange, route_of
from api.services import services_of
from dub_platform.observability.reports import Reporter

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    # What is one tenant's, or has signed links, is for no cache that others share.
    "cache-control": "private, no-cache",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_OF_BODY = ("content-length", "content-type")
_log = structlog.get_logger(__name__)


class RequestContext:
    """Gives the request its id; when it has ended, however it did, logs one line, counts it, and
    reports the times of a share of all requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics, reporter: Reporter) -> None:
        self.app = app
        self.metrics = metrics
        self.reporter = reporter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        with bound_contextvars(request_id=request_id):
            await self._logged(scope, receive, send, request_id)

    async def _logged(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        exchange = Exchange(scope)
        counted = exchange.sending(send, receive)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await counted(message)

        with self.metrics.under_way.track_inprogress():
            try:
                await self.app(scope, exchange.receiving(receive), send_with_id)
            finally:
                _log.info("request", **exchange.line())
                self.metrics.note(exchange)
                name = f"{scope['method']} {exchange.route}"
                self.reporter.trace(name, exchange.seconds, str(exchange.status))


class SecurityHeaders:
    """Adds the headers that an answer did not set for itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_guarded)


class UnexpectedErrors:
    """Answers a bug with a problem document, inside the two above, so that they see it too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except ClientGoneError:
            raise
        except Exception as error:
            services_of(Request(scope)).reporter.report(error, stage=route_of(scope))
            if started or scope["type"] != "http":
                raise  # the server must cut the connection: half an answer cannot be taken back
            _log.exception("request failed")
            answer = problem(Request(scope), 500, "internal_error", SERVER_DETAIL)
            await answer(scope, receive, send)


class PlainRefusals:
    """Answers what Starlette refuses in bare text, such as a wrong Range, with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def send_as_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_plain_refusal(message):
                replaced = True
                answer = http_problem(Request(scope), message["status"], headers=_kept(message))
                await answer(scope, receive, send)
            elif not replaced:
                await send(message)

        await self.app(scope, receive, send_as_problem)


def _is_plain_refusal(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= 400 and kind.startswith("text/plain")


def _kept(start: Message) -> dict[str, str]:
    """The headers of an answer without those of its body."""
    headers = Headers(raw=start["headers"])
    return {name: headers[name] for name in headers if name not in _OF_BODY}


def _request_id(given: str) -> str:
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
