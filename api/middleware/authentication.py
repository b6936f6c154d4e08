"""API keys: finds the caller of a request, and refuses a caller that may not do what it asks.

    curl -H 'authorization: Bearer dub_3f9c51a07be2_kR1...' https://dub.example.com/videos

Authentication   finds the owner of the key, and notes it in the scope: `key_id`, `tenant`
Authorization    answers 401 or 403 where the key lacks the scope that the address needs

Every address needs a key unless `api/caller.py` names it as open. `rate_limits.py` stands between
the two, so that requests with wrong keys are counted too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.caller import ANYBODY, Allowed, Caller, caller_of, scope_needed
from api.contract.problems import answer_error
from api.together import Together
from dub_platform.core.errors import (
    DubError,
    KeyInvalidError,
    KeyRequiredError,
    ScopeMissingError,
)
from dub_platform.core.service.access import Token
from dub_platform.registry.api_keys import ApiKey, ApiKeys
from dub_platform.registry.database.engine import MOST_CONNECTIONS
from dub_platform.registry.database.tables import utc_now


class Authentication:
    """Finds the owner of the API key of a request; `keys` is None where no keys are asked for."""

    def __init__(self, app: ASGIApp, keys: ApiKeys | None) -> None:
        self.app = app
        self.keys = keys
        # Many requests arrive at once: one query of the database looks up the keys of all of them.
        self.holders = Together(self._holders)
        # Threads of their own: reading large uploads must not delay the look-up of a key.
        self.threads = anyio.CapacityLimiter(MOST_CONNECTIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            caller = await self._caller(Headers(scope=scope).getlist("authorization"))
            noted = {"caller": caller, "key_id": caller.key_id, "tenant": caller.tenant}
            scope.setdefault("state", {}).update(noted)
        await self.app(scope, receive, send)

    async def _caller(self, sent: Sequence[str]) -> Caller:
        """Return who sends these Authorization headers; a caller with `refused` set if nobody is
        known."""
        if self.keys is None:
            return ANYBODY
        if not sent:
            return Caller(refused=_KEY_REQUIRED)
        key = await self._key(self.keys, _token_in(sent))
        if key is None:
            return Caller(refused=_KEY_INVALID)
        return Caller(key.tenant, key.scopes, key.id, key.counts_as or key.id)

    async def _key(self, keys: ApiKeys, token: Token | None) -> ApiKey | None:
        """Return the valid key with this token, and note that it was used, if a note is due."""
        key = None if token is None else await self.holders.one(token)
        if key is not None and key.is_use_due(now := utc_now()):
            await anyio.to_thread.run_sync(keys.note_use, key, now, limiter=self.threads)
        return key

    def _holders(self, tokens: Collection[Token]) -> Mapping[Token, ApiKey]:
        return self.keys.holders(tokens, utc_now()) if self.keys else {}


class Authorization:
    """Lets a request through if its caller has the scope it needs; answers 401 or 403 otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope_needed(scope["method"], scope["path"]) if scope["type"] == "http" else None
        caller = caller_of(scope)
        if wanted is None or wanted in caller.scopes:
            await self.app(scope, receive, send)
            return
        error = caller.refused or _missing_scope(wanted)
        headers = {"www-authenticate": _challenge(error, wanted), "connection": "close"}
        await answer_error(error, scope, receive, send, headers)


_KEY_REQUIRED = KeyRequiredError(
    "This platform asks for a key: send `Authorization: Bearer dub_...`. The operator, or a key "
    "with the scope admin, makes one."
)
# One sentence for all three causes: only somebody who guesses keys gains from the difference.
_KEY_INVALID = KeyInvalidError(
    "This key opens nothing: it is wrong, revoked or past its time. Ask for a new one."
)


def _missing_scope(wanted: Allowed) -> ScopeMissingError:
    return ScopeMissingError(
        f"This needs the scope {wanted.value}, which the key that was sent does not have, or "
        "which nobody has where no keys are asked for. Use another key."
    )


def _token_in(sent: Sequence[str]) -> Token | None:
    """Return the one token of these headers, or None."""
    scheme, _, credentials = sent[0].partition(" ")
    # Of two headers, a proxy may read one as the caller and we the other, so neither is taken.
    if len(sent) > 1 or scheme.lower() != "bearer":
        return None
    return Token.parse(credentials.strip())


def _challenge(error: DubError, wanted: Allowed) -> str:
    """Return the value of WWW-Authenticate for this error (RFC 6750, section 3)."""
    said: dict[type[DubError], str] = {
        KeyInvalidError: ', error="invalid_token"',
        ScopeMissingError: f', error="insufficient_scope", scope="{wanted.value}"',
    }
    return f'Bearer realm="dub_platform"{said.get(type(error), "")}'
