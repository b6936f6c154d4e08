"""Which client a request is from, when somebody may have said otherwise.

LocalOnly    where nobody said who may ask: refuses what does not come from this machine
KnownNames   where no keys are asked for: refuses what came by a name that is not ours
Forwarded    behind proxies of ours: the address that the first stranger among them has
SameOrigin   refuses what a page of another site sends through somebody's browser

An address is the connection's own, or one that a configured proxy has told. No link is ever made
from a request's Host: links are made from DUB_PUBLIC_URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.problems import answer_error
from api.probes import PROBES, SAFE
from dub_platform.core.addresses import Networks, address_in, is_loopback, name_of
from dub_platform.core.errors import CrossSiteError, NotLocalError, UnknownHostError

# What proxies add, one or another of them, to what they hand on.
_SIGNS = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"})
_SIGN_BEGINS = ("x-forwarded-", "x-envoy-", "cf-", "fly-", "fastly-")


class LocalOnly:
    """Answers this machine alone, while `is_local`; probes are answered anyway."""

    def __init__(self, app: ASGIApp, is_local: bool) -> None:
        self.app = app
        self.is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = self.is_local and scope["type"] == "http" and scope["path"] not in PROBES
        if not is_asked or _is_from_here(scope):
            await self.app(scope, receive, send)
            return
        error = NotLocalError(
            "Nobody has said whether others than this machine need a key, so they are not "
            "answered, nor is a name that is not its own. Whoever runs this sets DUB_AUTH to keys "
            "or off, and DUB_PUBLIC_URL to the address that people use."
        )
        await answer_error(error, scope, receive, send, {"connection": "close"})


class KnownNames:
    """Answers under names that nobody else can lead here: the one that people are given, addresses,
    and names without a dot, which are of a network's own.

    For where no keys are asked for. A page whose name was led here (DNS rebinding) is, to its
    browser, a page of this platform.
    """

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self.app = app
        self.own = urlsplit(base_url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES or self._is_known(scope):
            await self.app(scope, receive, send)
            return
        error = UnknownHostError(
            "This platform is not known by the name in this address, so it does not answer to it. "
            "Use the address of DUB_PUBLIC_URL, which whoever runs this can change."
        )
        await answer_error(error, scope, receive, send, {"connection": "close"})

    def _is_known(self, scope: Scope) -> bool:
        name = name_of(Headers(scope=scope).get("host", "")).lower().rstrip(".")
        is_local = "." not in name or name.endswith(".localhost")
        return is_local or name == self.own or address_in(name) is not None


class Forwarded:
    """Puts the client's address into the scope, as far as proxies that are trusted tell it."""

    def __init__(self, app: ASGIApp, proxies: Networks) -> None:
        self.app = app
        self.proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if scope["type"] == "http" and peer and self.proxies.hold(peer[0]):
            told = Headers(scope=scope).getlist("x-forwarded-for")
            # In place, so that the request's log line has it too.
            scope["client"] = (self._client(peer[0], ",".join(told)), 0)
        await self.app(scope, receive, send)

    def _client(self, nearest: str, told: str) -> str:
        """The last that is no proxy of ours: what stands before it, anybody can have written."""
        for text in reversed(told.split(",")):
            address = address_in(text.strip())
            if address is None:
                break
            nearest = str(address)
            if not self.proxies.hold(nearest):
                break
        return nearest


class SameOrigin:
    """Refuses requests that change something and that a browser sends for another site.

    A browser says who sends a request in headers that no page can set; other clients say nothing.
    `others` are the origins of sites that may.
    """

    def __init__(self, app: ASGIApp, base_url: str, others: Sequence[str] = ()) -> None:
        self.app = app
        self.own = urlsplit(base_url).netloc
        self.others = frozenset(others)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE or self._is_own(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        error = CrossSiteError(
            "This request came from a page of another site, through a browser, so it was not "
            "done. Send it from a page of this platform, or from a program."
        )
        await answer_error(error, scope, receive, send, {"connection": "close"})

    def _is_own(self, headers: Headers) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if origin in self.others:
            return True
        if site is not None:
            return site in ("same-origin", "none")
        # `null`, which is what a page in a sandbox says, is nobody's origin.
        own = {self.own, headers.get("host")}
        return origin is None or (origin.partition("://")[2] or None) in own - {"", None}


def came_by_proxy(headers: Headers) -> bool:
    """Whether a proxy has left a sign of itself; some leave none."""
    return any(name in _SIGNS or name.startswith(_SIGN_BEGINS) for name in headers)


def _is_from_here(scope: Scope) -> bool:
    headers, peer = Headers(scope=scope), scope.get("client")
    if came_by_proxy(headers):
        return False
    # A socket of the file system has no peer. Another name may have been led here (DNS rebinding).
    return (peer is None or is_loopback(peer[0])) and is_loopback(name_of(headers.get("host", "")))
