"""Refuses a query parameter that the operation does not have: it is probably misspelt.

    Route("/videos", Videos, middleware=[Middleware(KnownQuery, path="/videos")])

Not checked are pages that people open by a link, because sites add parameters of their own where
links are shared, and addresses that health probes ask for.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.operations import OPERATIONS, Operation
from dub_platform.core.errors import InvalidRequestError

_OPERATIONS: Mapping[tuple[str, str], Operation] = {
    (each.path, each.method): each for each in OPERATIONS if each.is_strict
}


class KnownQuery:
    """Answers 400 to a query parameter that the operation at this path of the contract does not
    have."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The contract lists no HEAD: it takes what GET takes.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = _OPERATIONS.get((self.path, method))
        if operation is not None and scope["query_string"]:
            refuse_unknown(operation, Request(scope))
        await self.app(scope, receive, send)


def refuse_unknown(operation: Operation, request: Request) -> None:
    """Check the parameters of a request against the operation's. Raises InvalidRequestError."""
    known = list(operation.query.model_fields) if operation.query else []
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        offer = f"It takes {', '.join(known)}." if known else "It takes none."
        raise InvalidRequestError(
            f"The query names {', '.join(repr(name[:40]) for name in unknown[:3])}, which "
            f"{operation.method} {operation.path} does not have, so nothing was done. {offer}"
        )
