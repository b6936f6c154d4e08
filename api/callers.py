"""Who a request is from, as it was found before any handler is reached.

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
