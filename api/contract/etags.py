"""ETags: who knows an answer already is not sent it again, and who changes what another has
changed meanwhile is told.

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
    """The strong ETag of an answer's body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has what this ETag names, as If-None-Match says."""
    return _names(request, "if-none-match", etag, weakly=True)


def tagged(request: Request, answer: Response) -> Response:
    """The answer with its ETag; 304 without a body where If-None-Match has it."""
    etag = with_etag(answer).headers["etag"]
    # A stored answer may be used only after asking whether it still holds.
    answer.headers["cache-control"] = "private, no-cache"
    if not is_known(request, etag):
        return answer
    return Response(status_code=304, headers={"etag": etag, "cache-control": "private, no-cache"})


def with_etag(answer: Response) -> Response:
    """The answer, saying what its ETag is."""
    answer.headers["etag"] = etag_of(bytes(answer.body))
    return answer


def require_match(
    request: Request,
    etag: str,
    current: Mapping[str, Any] | None = None,
    *,
    required: bool = False,
) -> None:
    """Return where If-Match has the ETag of what is about to be changed, or is not sent.

    Raises PreconditionFailedError, which says what is there (`current`);
    PreconditionRequiredError where it is `required` and missing.
    """
    if "if-match" not in request.headers:
        if required:
            raise PreconditionRequiredError(
                "This can only be changed by who has read it: send its ETag as If-Match."
            )
    elif not _names(request, "if-match", etag, weakly=False):
        raise PreconditionFailedError(
            "It was changed since it was read, so nothing was written. Look at what is there now, "
            "in `current`, or read it again, and send its etag as If-Match to write over it.",
            current={"etag": etag, **(current or {})},
        )


def _names(request: Request, header: str, etag: str, *, weakly: bool) -> bool:
    tags = [tag.strip() for tag in request.headers.get(header, "").split(",")]
    if weakly:
        tags = [tag.removeprefix("W/") for tag in tags]
    return "*" in tags or etag in tags
