"""The contract for programs: GET /openapi.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from api.contract.etags import answer_with_etag
from api.contract.operation import JSON, Operation
from api.services import services_of


def openapi(request: Request) -> Response:
    """Answer the OpenAPI document of this deployment."""
    body = json.dumps(document_of(request), ensure_ascii=False)
    return answer_with_etag(request, Response(body, media_type=JSON))


def document_of(request: Request) -> Mapping[str, Any]:
    """Return the OpenAPI document of the app that got this request.

    The app has it made by `api/document.py`, which is made of all handlers and so is no module that
    a handler can import.
    """
    services = services_of(request)
    return cast(Mapping[str, Any], request.app.state.document(services.version, services.base_url))


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/openapi.json",
        openapi,
        "This contract, for programs",
        {200: JSON, 304: None},
        tagged=True,
    ),
)
