"""Byte ranges of a file or recording, as a client requests them (RFC 9110, section 14).

select_span(request, size, etag)    # (0, 2) for "bytes=0-1", None for all; or it raises 416
answer_part(request, content, etag, headers)    # 200, 206, 304 or 416
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.contract.etags import is_known

# From one place to another or to the end, or the last so many bytes.
_RANGE = re.compile(r"(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})|-[0-9]{1,18}")


def answer_part(
    request: Request, content: bytes, etag: str, headers: Mapping[str, str]
) -> Response:
    """Answer a request for `content`, which is held in memory, with the part that the client
    wants."""
    headers = {**headers, "etag": etag, "accept-ranges": "bytes"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    span = select_span(request, len(content), etag)
    if span is None:
        return Response(content, headers=headers)
    part = {"content-range": content_range(span, len(content))}
    return Response(content[slice(*span)], 206, {**headers, **part})


def select_span(request: Request, size: int, *versions: str) -> tuple[int, int] | None:
    """Return the start and end of the bytes that are asked for; None where that is all of them.

    `versions` are the ETag, and the time of the last change where it is told: If-Range names one
    of them, or a part would be mixed with those of another version. Several ranges at once, and a
    range that cannot be understood, are answered with everything, as RFC 9110 lets a server do.
    Raises HTTPException (416) for a range that begins beyond the end.
    """
    asked = request.headers.get("range")
    if asked is None or request.method != "GET" or not _is_range(asked) or "," in asked:
        return None
    if request.headers.get("if-range", versions[0]) not in versions:
        return None
    span = _span_of(asked, size)
    if span is None:
        raise HTTPException(416, headers={"content-range": f"bytes */{size}"})
    return span


def content_range(span: tuple[int, int], size: int) -> str:
    """Write which bytes of how many an answer has."""
    start, end = span
    return f"bytes {start}-{end - 1}/{size}"


def _span_of(asked: str, size: int) -> tuple[int, int] | None:
    """Return the bytes of a range that `_is_range`; None where there are none."""
    part = _RANGE.fullmatch(asked.partition("=")[2].strip())
    assert part is not None
    if part["first"] is None:
        start, end = max(0, size + int(part[0])), size
    else:
        start, end = int(part["first"]), min(size, int(part["last"] or size) + 1)
    return (start, end) if start < end else None


def _is_range(text: str) -> bool:
    """Tell whether a Range header can be understood; others are ignored (RFC 9110, 14.2)."""
    unit, _, parts = text.partition("=")
    found = [_RANGE.fullmatch(part.strip()) for part in parts.split(",")]
    return unit.strip().lower() == "bytes" and all(
        part and (not part["last"] or int(part["first"] or 0) <= int(part["last"]))
        for part in found
    )
