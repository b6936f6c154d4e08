"""API keys of a tenant: GET and POST /keys, DELETE /keys/{id}, for keys with the scope admin.

    curl -X POST -H 'authorization: Bearer dub_...' -H 'content-type: application/json' \
         https://dub.example.com/keys -d '{"name": "nightly import", "scopes": ["read", "write"]}'

A key's token is shown in the answer that creates it and never again. An admin key manages all keys
of its own tenant; `dub-admin keys` makes keys for other tenants. A key that was
created by another key shares that key's rate limits.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.caller import caller_of
from api.contract.bodies import json_in
from api.contract.operation import JSON, Operation
from api.contract.responses import NO_STORE, answer, split_page
from api.contract.schemas import KeyAnswer, KeyOrder, KeyPage, NewKeyAnswer, PageQuery, parse
from api.services import services_of
from dub_platform.core.errors import KeyNotFoundError
from dub_platform.registry.api_keys import ApiKey, ApiKeys


class Keys(HTTPEndpoint):
    """The list of the tenant's keys."""

    async def post(self, request: Request) -> Response:
        """Create a key. Its token is in the answer only; the database has a digest of it."""
        order = parse(KeyOrder, await json_in(request) or b"{}")
        return await run_in_threadpool(_create_key, request, order)

    def get(self, request: Request) -> Response:
        """List the keys, also those that are revoked or expired."""
        keys, tenant = _keys_of(request)
        asked = parse(PageQuery, request.query_params)
        # One row more than the page shows: it tells whether there is a next page.
        found = keys.of(tenant, after=asked.cursor, limit=asked.limit + 1)
        shown, following = split_page(services_of(request), "/keys", found, asked)
        return answer(KeyPage(keys=[key_answer(key) for key in shown], **following))


class Key(HTTPEndpoint):
    """One key."""

    def delete(self, request: Request) -> Response:
        """Revoke the key: it is refused from the next request on."""
        keys, tenant = _keys_of(request)
        keys.revoke(tenant, request.path_params["id"])
        return Response(status_code=204)


def key_answer(key: ApiKey) -> KeyAnswer:
    """Convert a key into its answer, without its token."""
    return KeyAnswer.model_validate(key, from_attributes=True)


def _create_key(request: Request, order: KeyOrder) -> Response:
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
    # Without keys nobody has the scope admin, so Authorization has refused the request before.
    assert services.keys is not None
    return services.keys, services.tenant


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/keys",
        Keys,
        "The tenant's API keys, the newest first",
        {200: KeyPage},
        query=PageQuery,
    ),
    Operation(
        "POST",
        "/keys",
        Keys,
        "Make an API key, which only this answer shows",
        {201: NewKeyAnswer},
        body={JSON: KeyOrder},
    ),
    Operation(
        "DELETE",
        "/keys/{id}",
        Key,
        "Revoke a key: it opens nothing from the next request on",
        {204: None},
        errors=(KeyNotFoundError,),
    ),
)
