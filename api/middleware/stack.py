"""Middleware for every request: request id, log line, security headers, and error answers.

RequestContext      gives a request its id (X-Request-ID, every log line) and logs its end
SecurityHeaders     adds the headers that tell browsers what they must not do with an answer
UnexpectedErrors    logs a bug with its traceback, and answers 500 without any detail of it
ProblemDocuments    turns Starlette's plain-text refusals into problem documents (RFC 9457)
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
    # An answer may hold one tenant's data or signed links: no shared cache may store it.
    "cache-control": "private, no-cache",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_OF_BODY = ("content-length", "content-type")
_log = structlog.get_logger(__name__)


class RequestContext:
    """Gives each request an id.

    When a request has ended, in whatever way, logs one line, counts it in the metrics, and reports
    the duration of a share of all requests.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, reporter: Reporter) -> None:
        self.app = app
        self.metrics = metrics
        self.reporter = reporter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _usable_id(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        with bound_contextvars(request_id=request_id):
            await self._serve(scope, receive, send, request_id)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Run the app, then log and count the request."""
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
    """Answers a bug with a problem document; inside the two above, so that they see the 500 too."""

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
                raise  # half an answer is sent: only a cut connection tells the client
            _log.exception("request failed")
            answer = problem(Request(scope), 500, "internal_error", SERVER_DETAIL)
            await answer(scope, receive, send)


class ProblemDocuments:
    """Replaces plain-text refusals of Starlette, as for a wrong Range, with problem documents."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def send_as_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_plain_refusal(message):
                replaced = True
                answer = http_problem(
                    Request(scope), message["status"], headers=_headers_but_body(message)
                )
                await answer(scope, receive, send)
            elif not replaced:
                await send(message)

        await self.app(scope, receive, send_as_problem)


def _is_plain_refusal(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= 400 and kind.startswith("text/plain")


def _headers_but_body(start: Message) -> dict[str, str]:
    """Return the headers of an answer, without those that describe its body."""
    headers = Headers(raw=start["headers"])
    return {name: headers[name] for name in headers if name not in _OF_BODY}


def _usable_id(given: str) -> str:
    """Return the client's own request id if it is safe to log, else a new random one."""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
