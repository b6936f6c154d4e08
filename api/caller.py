"""Who a request is from, as it was found before any handler is reached, and what it must be
allowed.

caller_of(request.scope).tenant
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from dub_platform.core import access
from dub_platform.core.access import DEFAULT_TENANT
from dub_platform.core.errors import DubError

# Starlette calls what a request is a scope, too.
Allowed = access.Scope


@dataclass(frozen=True)
class Caller:
    """Who a request is from; `refused` says why it is nobody that is known.

    `counts_as` is the key whose limits hold: what a key makes asks no more than it may itself.
    """

    tenant: str = ""
    scopes: frozenset[Allowed] = frozenset()
    key_id: str | None = None
    counts_as: str | None = None
    refused: DubError | None = None


# Where no keys are asked for, who reaches the API has everything but keys.
ANYBODY = Caller(DEFAULT_TENANT, frozenset({Allowed.READ, Allowed.WRITE}))


def caller_of(scope: Scope) -> Caller:
    """Who this request is from: nobody, where it was not looked at."""
    caller = scope.get("state", {}).get("caller")
    return caller if isinstance(caller, Caller) else Caller()


OPEN = frozenset(
    {"/", "/watch", "/docs", "/openapi.json", "/health", "/ready", "/version", "/metrics"}
)
# A video that is not for everybody has a signed link instead (`signed_links.py`).
OPEN_BELOW = ("/static/", "/media/")
ADMIN_BELOW = "/keys"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def needed(method: str, path: str) -> Allowed | None:
    """What a key must allow for this request; None where none is asked for."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    if path == ADMIN_BELOW or path.startswith(f"{ADMIN_BELOW}/"):
        return Allowed.ADMIN
    return Allowed.READ if method in _READS else Allowed.WRITE
