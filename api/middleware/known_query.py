"""Refuses a query parameter that the operation does not have: it is probably misspelt.

    Route("/videos", Videos, middleware=[Middleware(KnownQuery, operations=VIDEOS)])

Not checked are pages that people open by a link, because sites add parameters of their own where
links are shared, and addresses that health probes ask for.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.operation import Operation
from dub_platform.core.errors import InvalidRequestError


class KnownQuery:
    """Answers 400 to a query parameter that the operation, which is one of this address, does not
    have."""

    def __init__(self, app: ASGIApp, operations: Iterable[Operation]) -> None:
        self.app = app
        self.strict = {each.method: each for each in operations if each.is_strict}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The contract lists no HEAD: it takes what GET takes.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = self.strict.get(method)
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
