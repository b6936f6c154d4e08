"""A tenant's keys: GET and POST /keys, DELETE /keys/{id}, with a key that has the scope admin.

    curl -X POST -H 'authorization: Bearer dub_...' -H 'content-type: application/json' \
         https://dub.example.com/keys -d '{"name": "nightly import", "scopes": ["read", "write"]}'

A key is shown in the answer that makes it and never again. Whoever has the scope admin manages the
keys of its own tenant, whatever they open; `dub-admin keys` makes other tenants'. A
key that was made with another counts as that one where requests are limited.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.caller import caller_of
from api.contract.bodies import json_in
from api.contract.responses import NO_STORE, answer, paged
from api.contract.schemas import KeyAnswer, KeyOrder, KeyPage, NewKeyAnswer, Paging, parsed
from api.services import services_of
from dub_platform.registry.api_keys import ApiKey, ApiKeys


class Keys(HTTPEndpoint):
    """All keys of the tenant."""

    async def post(self, request: Request) -> Response:
        """Make one; the answer holds its token, which is kept nowhere as it is."""
        order = parsed(KeyOrder, await json_in(request) or b"{}")
        return await run_in_threadpool(_made, request, order)

    def get(self, request: Request) -> Response:
        """List them, also those that are good no more."""
        keys, tenant = _keys_of(request)
        asked = parsed(Paging, request.query_params)
        # One more than is shown says whether there is another page.
        found = keys.of(tenant, after=asked.cursor, limit=asked.limit + 1)
        shown, following = paged(services_of(request), "/keys", found, asked)
        return answer(KeyPage(keys=[key_answer(key) for key in shown], **following))


class Key(HTTPEndpoint):
    """One key."""

    def delete(self, request: Request) -> Response:
        """Revoke it: it opens nothing from the next request on."""
        keys, tenant = _keys_of(request)
        keys.revoke(tenant, request.path_params["id"])
        return Response(status_code=204)


def key_answer(key: ApiKey) -> KeyAnswer:
    """A key as the API shows it, without what opens anything."""
    return KeyAnswer.model_validate(key, from_attributes=True)


def _made(request: Request, order: KeyOrder) -> Response:
    keys, tenant = _keys_of(request)
    key, token = keys.make(
        tenant=tenant,
        scopes=order.scopes,
        name=order.name,
        expires_at=order.expires_at,
        maker=caller_of(request.scope).key_id,
    )
    made = NewKeyAnswer(**key_answer(key).model_dump(), key=token.text)
    return answer(made, 201, NO_STORE)


def _keys_of(request: Request) -> tuple[ApiKeys, str]:
    services = services_of(request)
    # Nobody has the scope admin where there are no keys.
    assert services.keys is not None
    return services.keys, services.tenant
