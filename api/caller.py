"""The caller of a request, as Authentication found it, and the scope that the request needs.

caller_of(request.scope).tenant
scope_needed("GET", "/videos")              # Allowed.READ
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from dub_platform.core.errors import DubError
from dub_platform.core.service import access
from dub_platform.core.service.access import DEFAULT_TENANT

# Renamed, because Starlette has another Scope: the description of a request.
Allowed = access.Scope


@dataclass(frozen=True)
class Caller:
    """The caller of a request; `refused` is the error to answer if its key is missing or wrong.

    `counts_as` is the key whose rate limits apply: a key that was made by another shares them.
    """

    tenant: str = ""
    scopes: frozenset[Allowed] = frozenset()
    key_id: str | None = None
    counts_as: str | None = None
    refused: DubError | None = None


# Where no keys are asked for, everybody may do everything except manage keys.
ANYBODY = Caller(DEFAULT_TENANT, frozenset({Allowed.READ, Allowed.WRITE}))


def caller_of(scope: Scope) -> Caller:
    """Return the caller of the request; an unknown one if Authentication has not seen the
    request."""
    caller = scope.get("state", {}).get("caller")
    return caller if isinstance(caller, Caller) else Caller()


OPEN = frozenset(
    {"/", "/watch", "/embed", "/oembed", "/edit", "/docs", "/help", "/openapi.json"}
    | {"/health", "/ready", "/version", "/metrics"}
)
# Media need no key: a video that is not public needs a signed link (`signed_links.py`).
OPEN_BELOW = ("/static/", "/media/", "/help/")
ADMIN_BELOW = "/keys"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def scope_needed(method: str, path: str) -> Allowed | None:
    """Return the scope that a key must have for this request; None for an open address."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    if path == ADMIN_BELOW or path.startswith(f"{ADMIN_BELOW}/"):
        return Allowed.ADMIN
    return Allowed.READ if method in _READS else Allowed.WRITE
