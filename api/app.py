"""The intake API: its routes and its middleware, on one page.

app = create_app(desk)          # api/asgi.py builds the desk from the settings
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api.channels import Channel, Channels
from api.desk import Desk
from api.draining import Drain, Farewell
from api.health import health, ready, version
from api.media import media
from api.metrics import Metrics, metrics
from api.middleware import RequestContext, SecurityHeaders, UnexpectedErrors
from api.pages.render import STATIC_DIR
from api.pages.start import start
from api.pages.watch import watch
from api.problems import on_client_gone, on_dub_error, on_http_error
from api.videos import Dubs, Videos, video
from dub_platform.core.errors import DubError
from resources.workfolder import WorkFolders


def create_app(desk: Desk) -> Starlette:
    """The app that works with this desk."""
    drain, counted = Drain(desk.drain_seconds), Metrics(desk.tallies, desk.heartbeats)
    app = Starlette(
        routes=[
            Route("/", start),
            Route("/watch", watch),
            Route("/videos", Videos),
            Route("/videos/{id}", video),
            Route("/videos/{id}/dubs/{language}", Dubs),
            Route("/channels", Channels),
            Route("/channels/{id}", Channel),
            Route("/media/{key:path}", media),
            Route("/health", health),
            Route("/ready", ready),
            Route("/version", version),
            Route("/metrics", metrics),
            Mount("/static", StaticFiles(directory=STATIC_DIR)),
        ],
        middleware=[
            Middleware(Farewell, drain=drain),
            Middleware(RequestContext, metrics=counted),
            Middleware(SecurityHeaders),
            Middleware(UnexpectedErrors),
        ],
        exception_handlers={
            DubError: on_dub_error,
            HTTPException: on_http_error,
            ClientDisconnect: on_client_gone,
        },
        lifespan=_running,
    )
    app.state.desk = desk
    app.state.drain = drain
    app.state.metrics = counted
    return app


@contextlib.asynccontextmanager
async def _running(app: Starlette) -> AsyncIterator[None]:
    """From the start of the process to its end."""
    with _spooling(app.state.desk.spool_dir), app.state.drain.before_stopping():
        yield
    await run_in_threadpool(app.state.desk.reporter.flush)


@contextlib.contextmanager
def _spooling(spool_dir: Path) -> Iterator[None]:
    """Uploads are spooled on the disk meant for them."""
    WorkFolders(spool_dir).sweep()
    # Starlette's form parser takes no folder, so this process's default is moved.
    before, tempfile.tempdir = tempfile.tempdir, str(spool_dir)
    try:
        yield
    finally:
        tempfile.tempdir = before
