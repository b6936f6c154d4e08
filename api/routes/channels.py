"""The channels that videos come from, with the wording for the dubs of their videos.

    GET /channels?limit=20      GET /channels/{id}      PUT /channels/{id}

A channel exists once a video of it was fetched, or once somebody has PUT it. Its wording applies to
the dubs that are translated afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in
from api.contract.etags import answer_with_etag
from api.contract.operation import JSON, Operation
from api.contract.responses import answer, channel_answer, channel_page
from api.contract.schemas import ChannelAnswer, ChannelOrder, ChannelPage, PageQuery, parse
from api.services import services_of
from dub_platform.core.errors import (
    ChannelNotFoundError,
    EmptyBodyError,
    InvalidChannelIdError,
    UnknownLanguageError,
)
from dub_platform.core.service.channels import check_channel_id
from dub_platform.core.service.titles import make_plain


class Channels(HTTPEndpoint):
    """The list of all channels."""

    def get(self, request: Request) -> Response:
        """List the channels in the order of their ids, a page at a time."""
        services = services_of(request)
        asked = parse(PageQuery, request.query_params)
        after = check_channel_id(asked.cursor) if asked.cursor else ""
        # One row more than the page shows: it tells whether there is a next page.
        found = services.registry.channels(after=after, limit=asked.limit + 1)
        return answer_with_etag(request, answer(channel_page(services, found, asked)))


class Channel(HTTPEndpoint):
    """One channel."""

    def get(self, request: Request) -> Response:
        """Answer the channel's title, glossary and formality."""
        services, channel_id = services_of(request), check_channel_id(request.path_params["id"])
        return answer_with_etag(
            request, answer(channel_answer(services, services.registry.channel(channel_id)))
        )

    async def put(self, request: Request) -> Response:
        """Create or change the channel. Fields that the body leaves out keep their values."""
        body = await json_in(request)
        if not body:
            raise EmptyBodyError(
                "The request is empty: send JSON with a title, a glossary or a formality."
            )
        return await run_in_threadpool(_save_channel, request, parse(ChannelOrder, body))


def _save_channel(request: Request, order: ChannelOrder) -> Response:
    services, channel_id = services_of(request), check_channel_id(request.path_params["id"])
    title = None if order.title is None else make_plain(order.title)
    channel, created = services.registry.keep_channel(
        channel_id, title=title, wording=order.wording
    )
    return answer(channel_answer(services, channel), 201 if created else 200)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/channels",
        Channels,
        "The channels that videos came from, by their ids",
        {200: ChannelPage},
        query=PageQuery,
        tagged=True,
        errors=(InvalidChannelIdError,),
    ),
    Operation(
        "GET",
        "/channels/{id}",
        Channel,
        "One channel with its glossary and formality",
        {200: ChannelAnswer},
        tagged=True,
        errors=(InvalidChannelIdError, ChannelNotFoundError),
    ),
    Operation(
        "PUT",
        "/channels/{id}",
        Channel,
        "Say how the dubs of a channel's videos are to be worded; what is left out stays",
        {200: ChannelAnswer, 201: ChannelAnswer},
        body={JSON: ChannelOrder},
        needs_body=True,
        errors=(InvalidChannelIdError, EmptyBodyError, UnknownLanguageError),
    ),
)
