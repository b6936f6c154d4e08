"""The intake API: its middleware, on one page. Its routes are the table in `operations.py`.

app = create_app(services)          # api/asgi.py makes them from the settings
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, Route

from api.background.event_hub import Hub
from api.background.webhook_delivery import Courier
from api.contract.problems import on_busy_database, on_client_gone, on_dub_error, on_http_error
from api.document import document
from api.middleware.authentication import Authentication, Authorization
from api.middleware.compression import Compression
from api.middleware.draining import CloseWhileDraining, Drain
from api.middleware.idempotency import Idempotency
from api.middleware.known_query import KnownQuery
from api.middleware.metrics import Metrics
from api.middleware.rate_limits import RateLimits
from api.middleware.request_size import HeadLimits
from api.middleware.room import LongAnswerLimit, places
from api.middleware.slow_bodies import AnswerTimeout, BodyTimeout
from api.middleware.stack import ProblemDocuments, RequestContext, SecurityHeaders, UnexpectedErrors
from api.middleware.trust import Forwarded, KnownNames, LocalOnly, SameOrigin
from api.operations import OPERATIONS
from api.routes.health import Checks
from api.routes.probing import Probing
from api.services import Services
from dub_platform.core.errors import DubError
from resources.system.workfolder import WorkFolders
from resources.webhooks.messenger import Messenger

# What pages of allowed sites may send, and which headers of an answer they may read.
CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CORS_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    "X-Request-Id",
)
CORS_EXPOSED = ("Content-Range", "ETag", "Location", "Retry-After", "X-Request-Id")


def create_app(services: Services) -> Starlette:
    """Make the app: its routes, its middleware from the outermost to the innermost, and its
    tasks."""
    drain, counted = Drain(services.drain_seconds), Metrics(services.tallies, services.heartbeats)
    app = Starlette(
        routes=[*_routes()],
        middleware=[
            # The order matters: each one sees only what those above it let through.
            Middleware(CloseWhileDraining, drain=drain),
            Middleware(RequestContext, metrics=counted, reporter=services.reporter),
            Middleware(SecurityHeaders),
            Middleware(HeadLimits),
            Middleware(Compression),
            Middleware(UnexpectedErrors),
            Middleware(LocalOnly, is_local=services.is_local),
            *_host_check(services),
            Middleware(Forwarded, proxies=services.proxies),
            Middleware(SameOrigin, base_url=services.base_url, others=services.cors_origins),
            *_cross_origin(services),
            Middleware(Authentication, keys=services.keys),
            Middleware(RateLimits, limits=services.limits),
            Middleware(Authorization),
            Middleware(LongAnswerLimit, most=places(services.most_files)),
            Middleware(BodyTimeout),
            Middleware(ProblemDocuments),
            Middleware(Idempotency),
        ],
        exception_handlers={
            DubError: on_dub_error,
            HTTPException: on_http_error,
            PoolTimeoutError: on_busy_database,
            ClientDisconnect: on_client_gone,
        },
        lifespan=_lifespan,
    )
    app.middleware_stack = AnswerTimeout(app.build_middleware_stack())
    # A redirect to the address without its slash would be made of the Host that a request says.
    app.router.redirect_slashes = False
    app.state.services = services
    app.state.document = document
    app.state.drain = drain
    app.state.probing = Probing()
    app.state.hub = Hub(services.events, lambda: drain.begun)
    messenger = Messenger(services.receivers)
    app.state.courier = Courier(services.webhooks, messenger, lambda: drain.begun)
    app.state.metrics = counted
    app.state.checks = Checks({**services.checks, **services.helpful})
    return app


def _routes() -> Iterator[BaseRoute]:
    """Yield a route for each address of the table: its operations refuse unknown query parameters,
    and what answers all addresses below one is mounted."""
    for route, group in itertools.groupby(OPERATIONS, lambda each: each.route):
        operations = list(group)
        (handler,) = {each.handler for each in operations}
        if route.endswith("/{path}"):
            yield Mount(route.removesuffix("/{path}"), handler())
        else:
            yield Route(route, handler, middleware=[Middleware(KnownQuery, operations=operations)])


def _host_check(services: Services) -> Iterator[Middleware]:
    """Yield the check of the Host header, where neither keys nor this machine limit who may ask."""
    if services.keys is None and not services.is_local:
        yield Middleware(KnownNames, base_url=services.base_url)


def _cross_origin(services: Services) -> Iterator[Middleware]:
    """Yield the CORS middleware, if other sites are allowed at all."""
    if services.cors_origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=services.cors_origins,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """Run the background tasks from the start of the process to its end."""
    _spool_uploads_in(app.state.services.spool_dir)
    with app.state.drain.before_stopping():
        async with app.state.hub.running(), app.state.courier.running():
            yield
    await run_in_threadpool(app.state.services.drafting.close)
    # Reports wait in a queue; without this the last ones would be lost.
    await run_in_threadpool(app.state.services.reporter.flush)


def _spool_uploads_in(spool_dir: Path) -> None:
    """Have uploads written to this folder, in the whole process from now on."""
    WorkFolders(spool_dir).sweep()
    # Starlette's form parser takes no folder, so this process's default is moved.
    tempfile.tempdir = str(spool_dir)
