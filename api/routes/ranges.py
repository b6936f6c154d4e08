"""Ranges: a part of what is kept, where a client asks for one (RFC 9110, 14).

span_of("bytes=0-1", 480)                   # (0, 2)
part_of(request, content, etag, headers)    # 200, 206, 304 or 416
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


def part_of(request: Request, content: bytes, etag: str, headers: Mapping[str, str]) -> Response:
    """What the client asks for of something small; all of it for several ranges at once."""
    headers = {**headers, "etag": etag, "accept-ranges": "bytes"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    asked, size = request.headers.get("range"), len(content)
    if not asked or not is_range(asked) or request.headers.get("if-range", etag) != etag:
        return Response(content, headers=headers)
    span = span_of(asked, size)
    if span is None and "," not in asked:
        raise HTTPException(416, headers={"content-range": f"bytes */{size}"})
    if span is None or request.method != "GET":
        return Response(content, headers=headers)
    start, end = span
    part = {"content-range": f"bytes {start}-{end - 1}/{size}"}
    return Response(content[start:end], 206, {**headers, **part})


def span_of(asked: str, size: int) -> tuple[int, int] | None:
    """The bytes of a range that is one and is there."""
    part = _RANGE.fullmatch(asked.partition("=")[2].strip())
    if part is None:
        return None
    if part["first"] is None:
        start, end = max(0, size + int(part[0])), size
    else:
        start, end = int(part["first"]), min(size, int(part["last"] or size) + 1)
    return (start, end) if start < end else None


def is_range(text: str) -> bool:
    """Whether a Range header can be understood; one that cannot is ignored (RFC 9110, 14.2)."""
    unit, _, parts = text.partition("=")
    found = [_RANGE.fullmatch(part.strip()) for part in parts.split(",")]
    return unit.strip().lower() == "bytes" and all(
        part and (not part["last"] or int(part["first"] or 0) <= int(part["last"]))
        for part in found
    )
