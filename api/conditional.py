"""Conditional requests (RFC 9110 §13): nothing is sent twice, and nobody writes over what they
have not seen.

    require_match(request, etag_of(shown))     # before a write; 412 and 428 are raised
    return conditional(request, shown)         # of a read; 304 where the client has it

An ETag is made of the answer's content, so it is the same on every process and machine.
"""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer
from dub_platform.core.errors import PreconditionFailedError, PreconditionMissingError
from dub_platform.core.keys import key_of


def etag_of(shown: BaseModel) -> str:
    """The strong ETag of an answer, quotes and all."""
    return f'"{key_of(shown.model_dump(mode="json"))[:32]}"'


def conditional(request: Request, shown: BaseModel) -> Response:
    """The answer with its ETag, or 304 where If-None-Match says that the client has it."""
    etag = etag_of(shown)
    # A cache on the way may have made ours a weak one, which serves as well here.
    known = [each.removeprefix("W/") for each in _listed(request, "if-none-match")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers={"etag": etag})
    return answer(shown, headers={"etag": etag})


def require_match(request: Request, etag: str) -> None:
    """Return where If-Match names this ETag, or any.

    Raises PreconditionMissingError (428), PreconditionFailedError (412).
    """
    named = _listed(request, "if-match")
    if not named:
        raise PreconditionMissingError(
            "This changes what others may change too, so the request must say what it has seen: "
            "GET it first, and send its ETag as If-Match."
        )
    if etag not in named and "*" not in named:
        raise PreconditionFailedError(
            "This is not what it was when you saw it, so nothing was changed. GET it again, look "
            "at what is different, and send the new ETag as If-Match."
        )


def _listed(request: Request, name: str) -> list[str]:
    """The ETags of a header. Ours have no comma in them."""
    values = ",".join(request.headers.getlist(name))
    return [each.strip() for each in values.split(",") if each.strip()]
