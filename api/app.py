"""The intake API: its routes and its middleware, on one page.

app = create_app(services)          # api/asgi.py makes them from the settings
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route

from api.background.event_hub import Hub
from api.background.webhook_delivery import Courier
from api.contract.problems import on_busy_database, on_client_gone, on_dub_error, on_http_error
from api.middleware.authentication import Authentication, Authorization
from api.middleware.compression import Compression
from api.middleware.draining import CloseWhileDraining, Drain
from api.middleware.idempotency import Idempotency
from api.middleware.known_query import KnownQuery
from api.middleware.metrics import Metrics, metrics
from api.middleware.rate_limits import RateLimits
from api.middleware.request_size import HeadLimits
from api.middleware.room import LongAnswerLimit, places
from api.middleware.slow_bodies import AnswerTimeout, BodyTimeout
from api.middleware.stack import ProblemDocuments, RequestContext, SecurityHeaders, UnexpectedErrors
from api.middleware.trust import Forwarded, KnownNames, LocalOnly, SameOrigin
from api.pages.docs import docs
from api.pages.edit import edit
from api.pages.help import HelpPages, help_start
from api.pages.start import start
from api.pages.watch import watch
from api.routes.channels import Channel, Channels
from api.routes.events import video_events
from api.routes.health import Checks, health, ready, version
from api.routes.keys import Key, Keys
from api.routes.languages import languages
from api.routes.lines import Lines, LineTake, OneLine
from api.routes.media import media
from api.routes.openapi import openapi
from api.routes.probing import Probing
from api.routes.source_lines import Captions, SourceLine, SourceLines
from api.routes.static import VersionedFiles
from api.routes.videos import Dubs, Video, Videos
from api.routes.webhooks import Deliveries, Delivery, Redelivery, Test, Webhook, Webhooks
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
        routes=[
            _route("/", start),
            _route("/watch", watch),
            _route("/edit", edit),
            _route("/docs", docs),
            _route("/help", help_start),
            Mount("/help", HelpPages()),
            _route("/openapi.json", openapi),
            _route("/videos", Videos),
            _route("/videos/{id}", Video),
            _route("/videos/{id}/dubs/{language}", Dubs),
            _route("/videos/{id}/dubs/{language}/lines", Lines),
            _route("/videos/{id}/dubs/{language}/lines/{number}", OneLine),
            _route("/videos/{id}/dubs/{language}/lines/{number}/take", LineTake),
            _route("/videos/{id}/lines", SourceLines),
            _route("/videos/{id}/lines/{number}", SourceLine),
            _route("/videos/{id}/captions", Captions),
            _route("/videos/{id}/events", video_events),
            _route("/languages", languages),
            _route("/channels", Channels),
            _route("/channels/{id}", Channel),
            _route("/keys", Keys),
            _route("/keys/{id}", Key),
            _route("/webhooks", Webhooks),
            _route("/webhooks/{id}", Webhook),
            _route("/webhooks/{id}/test", Test),
            _route("/webhooks/{id}/deliveries", Deliveries),
            _route("/webhooks/{id}/deliveries/{delivery}", Delivery),
            _route("/webhooks/{id}/deliveries/{delivery}/redeliver", Redelivery),
            _route("/media/{key:path}", media),
            _route("/health", health),
            _route("/ready", ready),
            _route("/version", version),
            _route("/metrics", metrics),
            Mount("/static", VersionedFiles()),
        ],
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
    app.state.drain = drain
    app.state.probing = Probing()
    app.state.hub = Hub(services.events, lambda: drain.begun)
    messenger = Messenger(services.receivers)
    app.state.courier = Courier(services.webhooks, messenger, lambda: drain.begun)
    app.state.metrics = counted
    app.state.checks = Checks({**services.checks, **services.helpful})
    return app


def _route(path: str, endpoint: Callable[..., Any]) -> Route:
    """Make a route that refuses unknown query parameters."""
    return Route(path, endpoint, middleware=[Middleware(KnownQuery, path=path)])


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
