"""The query of a request: a name that is not known is a mistake worth telling.

Route("/videos", Videos, middleware=[Middleware(KnownQuery, path="/videos")])

What people open by a link is let through as it is, for where links are shared, sites write names
of their own into them; and so is what probes ask.
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
    """Refuses parameters that the operation at this path of the contract does not have."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = _OPERATIONS.get((self.path, method))
        if operation is not None and scope["query_string"]:
            refuse_unknown(operation, Request(scope))
        await self.app(scope, receive, send)


def refuse_unknown(operation: Operation, request: Request) -> None:
    """Return if the operation has every parameter of the request. Raises InvalidRequestError."""
    known = list(operation.query.model_fields) if operation.query else []
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        offer = f"It takes {', '.join(known)}." if known else "It takes none."
        raise InvalidRequestError(
            f"The query names {', '.join(repr(name[:40]) for name in unknown[:3])}, which "
            f"{operation.method} {operation.path} does not have, so nothing was done. {offer}"
        )
