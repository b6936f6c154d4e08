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
from api.routes.ranges import content_range, select_span
from api.services import unscoped_services_of
from api.signed_links import watchable
from dub_platform.core.errors import ArtifactMissingError, VideoNotFoundError
from dub_platform.registry.records import Visibility
from resources.store.local import LocalStore
from resources.store.port import LENT_FOR, PUBLIC, Store, cache_control, is_key, media_type, missing

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
    file = FileResponse(path, headers=headers, media_type=media_type(key), stat_result=path.stat())
    etag, size = file.headers["etag"], int(file.headers["content-length"])
    if is_known(request, etag):
        return Response(status_code=304, headers={**headers, "etag": etag})
    span = select_span(request, size, etag, file.headers["last-modified"])
    start, end = span or (0, size)
    if request.method == "GET" and end - start <= FileResponse.chunk_size:
        return _read_now(path, file, span, size)
    # The response reads these two by itself, and would decide once more.
    _ignore(request, "if-range", *([] if span else ["range"]))
    return file


def _read_now(path: Path, file: FileResponse, span: tuple[int, int] | None, size: int) -> Response:
    """Answer with what fits into one part: to open, read and close a file later takes a thread for
    each."""
    start, end = span or (0, size)
    with path.open("rb") as opened:
        opened.seek(start)
        content = opened.read(end - start)
    part = {"content-range": content_range(span, size)} if span else {}
    headers = {**file.headers, **part, "content-length": str(len(content))}
    return Response(content, 206 if span else 200, headers)


def _ignore(request: Request, *names: str) -> None:
    """Take headers out of the request, for what reads them by itself."""
    scope, ignored = request.scope, {name.encode() for name in names}
    scope["headers"] = [each for each in scope["headers"] if each[0] not in ignored]


def _is_public(request: Request, key: str) -> bool:
    """Whether everybody may have it. Raises VideoNotFoundError for who has no link to its video."""
    return watchable(request, key.split("/")[1]).visibility is Visibility.PUBLIC
