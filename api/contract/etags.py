"""ETags: saves a client what it has already, and keeps it from overwriting others' changes.

return tagged(request, answer(...))             # GET: 304 where the client has it
require_match(request, etag_of(answer.body), current)   # PUT: 412 where it read something else
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dub_platform.core.errors import PreconditionFailedError, PreconditionRequiredError


def etag_of(body: bytes) -> str:
    """Return the strong ETag of an answer's body: the first 32 hex digits of its SHA-256, in
    quotes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names this ETag, so that the client has the answer already."""
    return _is_named(request, "if-none-match", etag, weakly=True)


def answer_with_etag(request: Request, answer: Response) -> Response:
    """Return the answer with its ETag, or 304 without a body if the client has it already."""
    etag = with_etag(answer).headers["etag"]
    # no-cache: the browser may store the answer, and must ask before it uses it again.
    answer.headers["cache-control"] = "private, no-cache"
    if not is_known(request, etag):
        return answer
    return Response(status_code=304, headers={"etag": etag, "cache-control": "private, no-cache"})


def with_etag(answer: Response) -> Response:
    """Set the ETag of the answer, and return it."""
    answer.headers["etag"] = etag_of(bytes(answer.body))
    return answer


def require_match(
    request: Request,
    etag: str,
    current: Mapping[str, Any] | None = None,
    *,
    required: bool = False,
) -> None:
    """Check If-Match against the ETag of what is about to be changed.

    Raises PreconditionFailedError, which shows what is there now (`current`), or
    PreconditionRequiredError if the header is `required` and missing.
    """
    if "if-match" not in request.headers:
        if required:
            raise PreconditionRequiredError(
                "This can only be changed by who has read it: send its ETag as If-Match."
            )
    elif not _is_named(request, "if-match", etag, weakly=False):
        raise PreconditionFailedError(
            "It was changed since it was read, so nothing was written. Look at what is there now, "
            "in `current`, or read it again, and send its etag as If-Match to write over it.",
            current={"etag": etag, **(current or {})},
        )


def _is_named(request: Request, header: str, etag: str, *, weakly: bool) -> bool:
    tags = [tag.strip() for tag in request.headers.get(header, "").split(",")]
    if weakly:
        # If-None-Match compares weakly (a proxy that compresses weakens ETags), If-Match strongly.
        tags = [tag.removeprefix("W/") for tag in tags]
    return "*" in tags or etag in tags
