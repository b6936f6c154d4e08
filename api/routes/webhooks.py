"""Webhooks: addresses that get a message when something happens.

    POST /webhooks      GET /webhooks?limit=20      GET, DELETE /webhooks/{id}
    POST /webhooks/{id}/test
    GET  /webhooks/{id}/deliveries?state=dead       GET /webhooks/{id}/deliveries/{delivery}
    POST /webhooks/{id}/deliveries/{delivery}/redeliver

A webhook's secret is shown in the answer that creates it, and never again. Messages are sent by
`background/webhook_delivery.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.operation import JSON, Operation
from api.contract.responses import (
    NO_STORE,
    answer,
    deliveries_page,
    delivery_answer,
    webhook_answer,
    webhook_page,
)
from api.contract.schemas import (
    DeliveriesQuery,
    DeliveryAnswer,
    DeliveryPage,
    PageQuery,
    WebhookAnswer,
    WebhookOrder,
    WebhookPage,
    parse,
)
from api.services import services_of
from dub_platform.core.errors import (
    DeliveryNotFoundError,
    EmptyBodyError,
    WebhookNotFoundError,
    WebhookUrlError,
)
from dub_platform.core.service.webhooks import check_secret, new_secret


class Webhooks(HTTPEndpoint):
    """The list of all webhooks."""

    async def post(self, request: Request) -> Response:
        """Create a webhook."""
        body = await json_in(request)
        if not body:
            raise EmptyBodyError("The request is empty: send JSON with a url.")
        return await run_in_threadpool(_create_webhook, request, parse(WebhookOrder, body))

    def get(self, request: Request) -> Response:
        """List the webhooks, oldest first."""
        services, asked = services_of(request), parse(PageQuery, request.query_params)
        # One more than is shown says whether there is another page.
        found = services.webhooks.webhooks(after=asked.cursor, limit=asked.limit + 1)
        return answer(webhook_page(services, found, asked))


class Webhook(HTTPEndpoint):
    """One webhook."""

    def get(self, request: Request) -> Response:
        """Answer the webhook's address and the events it gets."""
        services = services_of(request)
        return answer(
            webhook_answer(services, services.webhooks.webhook(request.path_params["id"]))
        )

    def delete(self, request: Request) -> Response:
        """Delete the webhook: it gets no more messages."""
        services_of(request).webhooks.remove(request.path_params["id"])
        return Response(status_code=204)


class Deliveries(HTTPEndpoint):
    """The list of the messages to one webhook."""

    def get(self, request: Request) -> Response:
        """List the messages, newest first."""
        services, webhook_id = services_of(request), request.path_params["id"]
        asked = parse(DeliveriesQuery, request.query_params)
        # One more than is shown says whether there is another page.
        found = services.webhooks.deliveries(
            webhook_id, state=asked.state, before=asked.cursor or None, limit=asked.limit + 1
        )
        return answer(deliveries_page(services, webhook_id, found, asked))


class Delivery(HTTPEndpoint):
    """One message to one webhook."""

    def get(self, request: Request) -> Response:
        """Answer the state of the message: its attempts, and the last answer to it."""
        services, path = services_of(request), request.path_params
        return answer(
            delivery_answer(services, services.webhooks.delivery(path["id"], path["delivery"]))
        )


class Test(HTTPEndpoint):
    """A test message to one webhook."""

    def post(self, request: Request) -> Response:
        """Send a test message."""
        services = services_of(request)
        made = services.webhooks.test(request.path_params["id"])
        return answer(delivery_answer(services, made), 202)


class Redelivery(HTTPEndpoint):
    """A repeated message to one webhook."""

    def post(self, request: Request) -> Response:
        """Send the message again, whatever became of it before."""
        services, path = services_of(request), request.path_params
        made = services.webhooks.redeliver(path["id"], path["delivery"])
        return answer(delivery_answer(services, made), 202)


def _create_webhook(request: Request, order: WebhookOrder) -> Response:
    services = services_of(request)
    given = order.secret and order.secret.get_secret_value()
    secret = check_secret(given) if given else new_secret()
    made = services.webhooks.add(services.receivers.check(order.url), order.events, secret)
    shown = webhook_answer(services, made, secret=secret)
    return answer(shown, 201, {"location": shown.links.self, **NO_STORE})


OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/webhooks",
        Webhooks,
        "Have an address told what happens; the answer shows the secret of its messages, once",
        {201: WebhookAnswer},
        body={JSON: WebhookOrder},
        needs_body=True,
        errors=(EmptyBodyError, WebhookUrlError),
    ),
    Operation(
        "GET",
        "/webhooks",
        Webhooks,
        "The webhooks, the oldest first",
        {200: WebhookPage},
        query=PageQuery,
    ),
    Operation(
        "GET",
        "/webhooks/{id}",
        Webhook,
        "One webhook",
        {200: WebhookAnswer},
        errors=(WebhookNotFoundError,),
    ),
    Operation(
        "DELETE",
        "/webhooks/{id}",
        Webhook,
        "Tell an address nothing more",
        {204: None},
        errors=(WebhookNotFoundError,),
    ),
    Operation(
        "POST",
        "/webhooks/{id}/test",
        Test,
        "Send a message that says nothing",
        {202: DeliveryAnswer},
        errors=(WebhookNotFoundError,),
    ),
    Operation(
        "GET",
        "/webhooks/{id}/deliveries",
        Deliveries,
        "The messages to a webhook, newest first",
        {200: DeliveryPage},
        query=DeliveriesQuery,
        errors=(WebhookNotFoundError,),
    ),
    Operation(
        "GET",
        "/webhooks/{id}/deliveries/{delivery}",
        Delivery,
        "One message, and what became of it",
        {200: DeliveryAnswer},
        errors=(WebhookNotFoundError, DeliveryNotFoundError),
    ),
    Operation(
        "POST",
        "/webhooks/{id}/deliveries/{delivery}/redeliver",
        Redelivery,
        "Send a message once more",
        {202: DeliveryAnswer},
        errors=(WebhookNotFoundError, DeliveryNotFoundError),
    ),
)
