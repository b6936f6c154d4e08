"""The channels that videos come from, and how the dubs of their videos are to be worded.

    GET /channels?limit=20      GET /channels/{id}      PUT /channels/{id}

A channel is there once a video of it was fetched, or once it was put there. What is said of it
counts for the dubs that are translated from then on.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.etags import tagged
from api.contract.responses import answer, channel_answer, channel_page
from api.contract.schemas import ChannelOrder, Paging, parsed
from api.services import services_of
from dub_platform.core.channels import checked_channel_id
from dub_platform.core.errors import EmptyBodyError
from dub_platform.core.titles import plain


class Channels(HTTPEndpoint):
    """All channels."""

    def get(self, request: Request) -> Response:
        """List them, by their ids."""
        services = services_of(request)
        asked = parsed(Paging, request.query_params)
        after = checked_channel_id(asked.cursor) if asked.cursor else ""
        # One more than is shown says whether there is another page.
        found = services.registry.channels(after=after, limit=asked.limit + 1)
        return tagged(request, answer(channel_page(services, found, asked)))


class Channel(HTTPEndpoint):
    """One channel."""

    def get(self, request: Request) -> Response:
        """Its title, glossary and formality."""
        services, channel_id = services_of(request), checked_channel_id(request.path_params["id"])
        return tagged(
            request, answer(channel_answer(services, services.registry.channel(channel_id)))
        )

    async def put(self, request: Request) -> Response:
        """Write what the body says of it. What the body does not say stays."""
        body = await json_in(request)
        if not body:
            raise EmptyBodyError(
                "The request is empty: send JSON with a title, a glossary or a formality."
            )
        return await run_in_threadpool(_kept, request, parsed(ChannelOrder, body))


def _kept(request: Request, order: ChannelOrder) -> Response:
    services, channel_id = services_of(request), checked_channel_id(request.path_params["id"])
    title = None if order.title is None else plain(order.title)
    channel, created = services.registry.keep_channel(
        channel_id, title=title, wording=order.wording
    )
    return answer(channel_answer(services, channel), 201 if created else 200)
