"""Dagster's UI, protected from pages of other sites, and with links that it signs.

    python -m dub_platform.processes.webserver -h 127.0.0.1 -p 3000 -w workspace.yaml

It takes the arguments of `dagster-webserver`. By itself, Dagster executes mutations for any page
that is open in somebody's browser, also by GET and under any host name: a link could stop the
platform. Links to videos with `visibility: signed` are signed when they are followed, because
metadata of an asset is stored for ever and a signed link expires. Tested by
`tests/dub_platform/processes/test_webserver.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from dagster_webserver import app
from dagster_webserver.cli import cli
from dagster_webserver.webserver import DagsterWebserver
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dub_platform.core.errors import InvalidVideoIdError
from dub_platform.core.service.addresses import is_loopback, name_of
from dub_platform.core.service.links import SIGNING, Links
from dub_platform.core.service.videos import check_video_id
from dub_platform.settings import Settings
from resources.store.port import PUBLIC

_REFUSED = (
    "Dagster answers its own pages, and programs that send queries by POST. Open it at its own "
    "address; where people reach it at another name than this machine's, DUB_DAGSTER_URL says so.\n"
)


class OwnPagesOnly:
    """Refuses requests from pages of other sites, and under host names that are not the server's.

    Another site's page may link here, and nothing more. A request to a loopback address must use a
    loopback name or that of `url`: somebody's name server could point any other name here.
    """

    def __init__(self, app: ASGIApp, url: str) -> None:
        self.app = app
        self.name = urlsplit(url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._may_ask(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        else:
            await PlainTextResponse(_REFUSED, 403)(scope, receive, send)

    def _may_ask(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if not self._is_own_name(scope, headers.get("host", "")) or _asks_by_get(scope):
            return False
        if _follows_link(scope, headers):
            return True
        origin = headers.get("origin")
        is_own_origin = origin is None or origin.partition("://")[2] == headers.get("host")
        return is_own_origin and headers.get("sec-fetch-site", "none") in ("none", "same-origin")

    def _is_own_name(self, scope: Scope, host: str) -> bool:
        server = scope.get("server")
        is_local = server is not None and is_loopback(server[0])
        return not is_local or is_loopback(name_of(host)) or host == self.name


def _asks_by_get(scope: Scope) -> bool:
    """Whether the address holds a GraphQL query.

    A link could hold one, and it could be a mutation.
    """
    is_get = scope["type"] == "http" and scope["method"] != "POST"
    return is_get and "query" in parse_qs(scope["query_string"].decode("latin-1"))


def _follows_link(scope: Scope, headers: Headers) -> bool:
    is_page = headers.get("sec-fetch-mode") == "navigate"
    is_page = is_page and headers.get("sec-fetch-dest") == "document"
    return is_page and scope["type"] == "http" and scope["method"] == "GET"


def signing_routes(settings: Settings) -> list[BaseRoute]:
    """Return routes that redirect an operator to a page or file of a video, with a fresh signature.

    Whoever reaches Dagster's UI can see all videos there anyway.
    """
    links = Links(settings.link_secret.get_secret_value()) if settings.link_secret else None

    def lead(video_id: str, path: str, query: Mapping[str, str]) -> Response:
        try:
            check_video_id(video_id)
        except InvalidVideoIdError as error:
            return PlainTextResponse(f"{error.sentence}\n", 404)
        if links:
            signed = links.sign(video_id, datetime.now(timezone.utc))
            query = {**query, "expires": str(signed.expires), "signature": signed.signature}
        headers = {"cache-control": "no-store"}
        address = f"{settings.base_url}{quote(path)}?{urlencode(query)}"
        return RedirectResponse(address, 307, headers)

    def lead_to_player(request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in ("v", "lang")}
        return lead(asked["v"], "/watch", {name: said for name, said in asked.items() if said})

    def lead_to_file(request: Request) -> Response:
        key = request.path_params["key"]
        return lead(key.partition("/")[0], f"/media/{PUBLIC}{key}", {})

    return [
        Route(f"{SIGNING}/watch", lead_to_player),
        Route(f"{SIGNING}/media/{PUBLIC}{{key:path}}", lead_to_file),
    ]


class _Guarded(DagsterWebserver):  # type: ignore[type-arg]
    def build_middleware(self) -> list[Middleware]:
        guard = Middleware(OwnPagesOnly, url=os.environ.get("DUB_DAGSTER_URL", ""))
        return [guard, *super().build_middleware()]

    def build_routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = super().build_routes()  # type: ignore[no-untyped-call]
        return [*signing_routes(Settings.from_environment()), *routes]


if __name__ == "__main__":
    # Dagster has no setting for middleware, so its class is replaced.
    setattr(app, "DagsterWebserver", _Guarded)  # noqa: B010 - the module does not export it
    cli()
