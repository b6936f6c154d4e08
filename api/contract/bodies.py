"""Reads the JSON body of a request, with checks of its size and media type.

order = parse(DubOrder, await json_in(request) or b"{}")
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.uploads import MAX_JSON_BYTES, limit_body


def media_type(request: Request) -> str:
    """Return the media type that Content-Type says, in small letters and without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def json_in(request: Request) -> bytes:
    """Read the JSON body, empty if it is blank.

    Raises UploadTooLargeError; HTTPException 415 if Content-Type is not JSON.
    """
    limited = Request(request.scope, limit_body(request, MAX_JSON_BYTES))
    body = (await limited.body()).strip()
    if body and media_type(request) != "application/json":
        raise HTTPException(415, "Send the body as application/json.")
    return body
