"""Who asks, and whether they may: API keys in the Authorization header.

    curl -H 'authorization: Bearer dub_3f9c51a07be2_kR1...' https://dub.example.com/videos

Identified   finds who a request is from, and notes it for what comes after: `key_id`, `tenant`
Permitted    refuses what its key does not open

Every address needs a key unless `api/caller.py` names it. Between the two comes what counts
requests (`rate_limits.py`), so that wrong keys are counted too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.caller import ANYBODY, Allowed, Caller, caller_of, needed
from api.contract.problems import answer_error
from api.together import Together
from dub_platform.core.access import Token
from dub_platform.core.errors import (
    DubError,
    KeyInvalidError,
    KeyRequiredError,
    ScopeMissingError,
)
from dub_platform.registry.api_keys import ApiKey, ApiKeys
from dub_platform.registry.engine import MOST_CONNECTIONS
from dub_platform.registry.tables import utc_now


class Identified:
    """Finds the key of a request; `keys` is None where none are asked for."""

    def __init__(self, app: ASGIApp, keys: ApiKeys | None) -> None:
        self.app = app
        self.keys = keys
        self.holders = Together(self._holders)
        # Threads of their own: uploads that are being looked at must not keep a key from being.
        self.threads = anyio.CapacityLimiter(MOST_CONNECTIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            caller = await self._caller(Headers(scope=scope).getlist("authorization"))
            noted = {"caller": caller, "key_id": caller.key_id, "tenant": caller.tenant}
            scope.setdefault("state", {}).update(noted)
        await self.app(scope, receive, send)

    async def _caller(self, sent: Sequence[str]) -> Caller:
        if self.keys is None:
            return ANYBODY
        if not sent:
            return Caller(refused=_KEY_REQUIRED)
        key = await self._key(self.keys, _token_in(sent))
        if key is None:
            return Caller(refused=_KEY_INVALID)
        return Caller(key.tenant, key.scopes, key.id, key.counts_as or key.id)

    async def _key(self, keys: ApiKeys, token: Token | None) -> ApiKey | None:
        key = None if token is None else await self.holders.one(token)
        if key is not None and key.is_use_due(now := utc_now()):
            await anyio.to_thread.run_sync(keys.note_use, key, now, limiter=self.threads)
        return key

    def _holders(self, tokens: Collection[Token]) -> Mapping[Token, ApiKey]:
        return self.keys.holders(tokens, utc_now()) if self.keys else {}


class Permitted:
    """Lets through what its caller may do. Answers 401 and 403 for everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = needed(scope["method"], scope["path"]) if scope["type"] == "http" else None
        caller = caller_of(scope)
        if wanted is None or wanted in caller.scopes:
            await self.app(scope, receive, send)
            return
        error = caller.refused or _lacks(wanted)
        headers = {"www-authenticate": _challenge(error, wanted), "connection": "close"}
        await answer_error(error, scope, receive, send, headers)


_KEY_REQUIRED = KeyRequiredError(
    "This platform asks for a key: send `Authorization: Bearer dub_...`. The operator, or a key "
    "with the scope admin, makes one."
)
# One sentence for all: which of these it is helps only somebody who tries keys.
_KEY_INVALID = KeyInvalidError(
    "This key opens nothing: it is wrong, revoked or past its time. Ask for a new one."
)


def _lacks(wanted: Allowed) -> ScopeMissingError:
    return ScopeMissingError(
        f"This needs the scope {wanted.value}, which the key that was sent does not have, or "
        "which nobody has where no keys are asked for. Use another key."
    )


def _token_in(sent: Sequence[str]) -> Token | None:
    """The one token that was sent. Two could be read as one here and as the other elsewhere."""
    scheme, _, credentials = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer":
        return None
    return Token.parsed(credentials.strip())


def _challenge(error: DubError, wanted: Allowed) -> str:
    """What WWW-Authenticate says (RFC 6750)."""
    said: dict[type[DubError], str] = {
        KeyInvalidError: ', error="invalid_token"',
        ScopeMissingError: f', error="insufficient_scope", scope="{wanted.value}"',
    }
    return f'Bearer realm="dub_platform"{said.get(type(error), "")}'
