"""Webhooks: addresses that are told what happens.

    POST /webhooks      GET /webhooks?limit=20      GET, DELETE /webhooks/{id}
    POST /webhooks/{id}/test
    GET  /webhooks/{id}/deliveries?state=dead       GET /webhooks/{id}/deliveries/{delivery}
    POST /webhooks/{id}/deliveries/{delivery}/redeliver

A secret is shown in the answer to the POST that made it, and never again. Messages are sent by
`background/webhook_delivery.py`.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.responses import (
    NO_STORE,
    answer,
    deliveries_page,
    delivery_answer,
    webhook_answer,
    webhook_page,
)
from api.contract.schemas import DeliveryListing, Paging, WebhookOrder, parsed
from api.services import desk_of
from dub_platform.core.errors import EmptyBodyError
from dub_platform.core.webhooks import checked_secret, new_secret


class Webhooks(HTTPEndpoint):
    """All webhooks."""

    async def post(self, request: Request) -> Response:
        """Make one."""
        body = await json_in(request)
        if not body:
            raise EmptyBodyError("The request is empty: send JSON with a url.")
        return await run_in_threadpool(_made, request, parsed(WebhookOrder, body))

    def get(self, request: Request) -> Response:
        """List them, oldest first."""
        desk, asked = desk_of(request), parsed(Paging, request.query_params)
        # One more than is shown says whether there is another page.
        found = desk.webhooks.webhooks(after=asked.cursor, limit=asked.limit + 1)
        return answer(webhook_page(desk, found, asked))


class Webhook(HTTPEndpoint):
    """One webhook."""

    def get(self, request: Request) -> Response:
        """Its address, and what it is told of."""
        desk = desk_of(request)
        return answer(webhook_answer(desk, desk.webhooks.webhook(request.path_params["id"])))

    def delete(self, request: Request) -> Response:
        """Tell it nothing more."""
        desk_of(request).webhooks.remove(request.path_params["id"])
        return Response(status_code=204)


class Deliveries(HTTPEndpoint):
    """The messages to one webhook."""

    def get(self, request: Request) -> Response:
        """List them, newest first."""
        desk, webhook_id = desk_of(request), request.path_params["id"]
        asked = parsed(DeliveryListing, request.query_params)
        # One more than is shown says whether there is another page.
        found = desk.webhooks.deliveries(
            webhook_id, state=asked.state, before=asked.cursor or None, limit=asked.limit + 1
        )
        return answer(deliveries_page(desk, webhook_id, found, asked))


class Delivery(HTTPEndpoint):
    """One message to one webhook."""

    def get(self, request: Request) -> Response:
        """What became of it."""
        desk, path = desk_of(request), request.path_params
        return answer(delivery_answer(desk, desk.webhooks.delivery(path["id"], path["delivery"])))


class Test(HTTPEndpoint):
    """A message that says nothing."""

    def post(self, request: Request) -> Response:
        """Send it."""
        desk = desk_of(request)
        made = desk.webhooks.test(request.path_params["id"])
        return answer(delivery_answer(desk, made), 202)


class Redelivery(HTTPEndpoint):
    """A message once more."""

    def post(self, request: Request) -> Response:
        """Send it, whatever became of it before."""
        desk, path = desk_of(request), request.path_params
        made = desk.webhooks.redeliver(path["id"], path["delivery"])
        return answer(delivery_answer(desk, made), 202)


def _made(request: Request, order: WebhookOrder) -> Response:
    desk = desk_of(request)
    given = order.secret and order.secret.get_secret_value()
    secret = checked_secret(given) if given else new_secret()
    made = desk.webhooks.add(desk.receivers.checked(order.url), order.events, secret)
    shown = webhook_answer(desk, made, secret=secret)
    return answer(shown, 201, {"location": shown.links.self, **NO_STORE})
