"""The released files: GET and HEAD /media/releases/..., with Range.

Only what lies under `releases/` has an address; every other key, and every path that is no
key, is not found.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api.contract.etags import is_known
from api.routes.ranges import is_range, span_of
from api.services import unscoped_services_of
from api.signed_links import watchable
from dub_platform.core.errors import ArtifactMissingError, VideoNotFoundError
from dub_platform.registry.port import Visibility
from resources.store.local import LocalStore
from resources.store.port import (
    LENT_FOR,
    PUBLIC,
    Store,
    cache_control,
    is_key,
    media_type,
    missing,
)

TEXTS = (".vtt", ".srt", ".json")


def media(request: Request) -> Response:
    """The file under a public key; 206 for a range, 304 for what the client has.

    From a bucket that nobody can read, texts as they are, and the rest by an address that it
    lends. With an open one there is nothing here: viewers read from the bucket's own address.
    """
    key, store = request.path_params["key"], unscoped_services_of(request).store
    if not (key.startswith(PUBLIC) and is_key(key)) or store.is_open:
        raise HTTPException(404)
    try:
        is_public = _is_public(request, key)
        # A cache that others share would hand it to who has no link.
        headers = {"cache-control": cache_control(key) if is_public else "private, no-cache"}
        if isinstance(store, LocalStore):
            return _file(request, store.path(key), key, headers)
        return _lent(store, key, headers)
    except (ArtifactMissingError, VideoNotFoundError) as error:
        raise HTTPException(404) from error


def _lent(store: Store, key: str, headers: Mapping[str, str]) -> Response:
    """From a bucket. A page's captions must come from where the page does, and are small."""
    lent = None if key.endswith(TEXTS) else store.lend(key)
    if lent is None:
        return Response(store.get_bytes(key), headers=headers, media_type=media_type(key))
    if not store.exists(key):
        raise missing(key)
    kept = f"private, max-age={LENT_FOR.total_seconds() / 2:.0f}"
    return RedirectResponse(lent, 302, headers={"cache-control": kept})


def _file(request: Request, path: Path, key: str, headers: Mapping[str, str]) -> Response:
    asked = request.headers.get("range")
    if asked is not None and not is_range(asked):
        _ignore(request, "range")
        asked = None
    file = FileResponse(path, headers=headers, media_type=media_type(key), stat_result=path.stat())
    if is_known(request, file.headers["etag"]):
        return Response(status_code=304, headers={**headers, "etag": file.headers["etag"]})
    return _read_now(request, asked, path, file) or file


def _read_now(
    request: Request, asked: str | None, path: Path, file: FileResponse
) -> Response | None:
    """The answer, with the range that was asked for, where it fits into one part: to open, read and
    close a file later takes a thread for each. None for what is longer, or not plain."""
    size = int(file.headers["content-length"])
    span = (0, size) if asked is None else span_of(asked, size)
    if request.method != "GET" or "if-range" in request.headers or span is None:
        return None
    start, end = span
    if end - start > FileResponse.chunk_size:
        return None
    with path.open("rb") as opened:
        opened.seek(start)
        content = opened.read(end - start)
    part = {} if asked is None else {"content-range": f"bytes {start}-{end - 1}/{size}"}
    headers = {**file.headers, **part, "content-length": str(len(content))}
    return Response(content, 200 if asked is None else 206, headers)


def _ignore(request: Request, name: str) -> None:
    """Take a header out of the request, for what reads it by itself."""
    scope = request.scope
    scope["headers"] = [each for each in scope["headers"] if each[0] != name.encode()]


def _is_public(request: Request, key: str) -> bool:
    """Whether everybody may have it. Raises VideoNotFoundError for who has no link to its video."""
    return watchable(request, key.split("/")[1]).visibility is Visibility.PUBLIC
