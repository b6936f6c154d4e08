"""Which client a request is from, where its headers may lie about that.

LocalOnly    refuses what does not come from this machine, where DUB_AUTH is not set
KnownNames   refuses a Host that is not ours, where no keys are asked for
Forwarded    takes the client's address from X-Forwarded-For, if a trusted proxy sent it
SameOrigin   refuses what a page of another site sends through somebody's browser

A client's address is that of its connection, or the one a configured proxy told. Links are never
made from a request's Host, always from DUB_PUBLIC_URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.problems import answer_error
from api.probes import PROBES, SAFE
from dub_platform.core.errors import CrossSiteError, NotLocalError, UnknownHostError
from dub_platform.core.service.addresses import Networks, address_in, is_loopback, name_of

# Headers that proxies add: with one of them, a request did not come straight from its client.
_SIGNS = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"})
_SIGN_BEGINS = ("x-forwarded-", "x-envoy-", "cf-", "fly-", "fastly-")


class LocalOnly:
    """Answers only this machine while `is_local`; health probes are always answered."""

    def __init__(self, app: ASGIApp, is_local: bool) -> None:
        self.app = app
        self.is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Probes reveal nothing, and orchestrators call them by IP.
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
    """Refuses requests under a name that others can point here, where no keys are asked for.

    Accepted are the name of DUB_PUBLIC_URL, IP addresses, and names without a dot (of the local
    network). Against DNS rebinding: a page whose own name suddenly leads here is, to its browser, a
    page of this platform, and may read all answers.
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
    """Puts the client's address into the scope, from X-Forwarded-For of trusted proxies."""

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
        """Return the last address in the chain that is not one of our proxies."""
        # Each proxy appends; whatever stands before the last stranger, that stranger can have
        # written.
        for text in reversed(told.split(",")):
            address = address_in(text.strip())
            if address is None:
                break
            nearest = str(address)
            if not self.proxies.hold(nearest):
                break
        return nearest


class SameOrigin:
    """Refuses a request that changes something and that a browser sends for a page of another site.

    Browsers tell the origin in headers that no page can set (Sec-Fetch-Site, Origin); other clients
    send neither. `others` are the origins of further sites that are allowed.
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
        # A sandboxed page sends `null`, which is no origin of ours.
        own = {self.own, headers.get("host")}
        return origin is None or (origin.partition("://")[2] or None) in own - {"", None}


def came_by_proxy(headers: Headers) -> bool:
    """Whether the headers show that a proxy handed the request on; some proxies leave no sign."""
    return any(name in _SIGNS or name.startswith(_SIGN_BEGINS) for name in headers)


def _is_from_here(scope: Scope) -> bool:
    """Whether the request came from this machine, under a name of this machine."""
    headers, peer = Headers(scope=scope), scope.get("client")
    if came_by_proxy(headers):
        return False
    # A Unix socket has no peer. The name counts too, because of DNS rebinding (see KnownNames).
    return (peer is None or is_loopback(peer[0])) and is_loopback(name_of(headers.get("host", "")))
