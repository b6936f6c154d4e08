"""The released files: GET and HEAD /media/releases/..., with byte ranges.

Only keys below `releases/` have an address; all others are answered as not found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api.contract.etags import is_known
from api.contract.operation import ANY, Operation
from api.contract.schemas import SignedLinkQuery
from api.routes.ranges import content_range, select_span
from api.services import unscoped_services_of
from api.signed_links import watchable
from dub_platform.core.errors import ArtifactMissingError, LinkExpiredError, VideoNotFoundError
from dub_platform.registry.records import Visibility
from resources.store.local import LocalStore
from resources.store.port import (
    PRESIGNED_TTL,
    PUBLIC,
    Store,
    cache_control,
    is_key,
    media_type,
    missing,
)

TEXTS = (".vtt", ".srt", ".json")


def media(request: Request) -> Response:
    """Answer the file with a public key: 206 for a range, 304 if the client has it already.

    From a private bucket, captions and manifests are sent from here, and media by a redirect to a
    presigned URL. From a public bucket nothing: viewers read from the bucket's own address.
    """
    key, store = request.path_params["key"], unscoped_services_of(request).store
    if not (key.startswith(PUBLIC) and is_key(key)) or store.is_public:
        raise HTTPException(404)
    try:
        is_public = _is_public(request, key)
        # A shared cache would hand it to people without a signed link.
        headers = {"cache-control": cache_control(key) if is_public else "private, no-cache"}
        if isinstance(store, LocalStore):
            return _file_answer(request, store.path(key), key, headers)
        return _bucket_answer(store, key, headers)
    except (ArtifactMissingError, VideoNotFoundError) as error:
        raise HTTPException(404) from error


def _bucket_answer(store: Store, key: str, headers: Mapping[str, str]) -> Response:
    """Answer a file of a bucket: a small text itself, media by a redirect to a presigned URL.

    Captions are sent from here because browsers load `<track>` from the page's own origin only.
    """
    lent = None if key.endswith(TEXTS) else store.presigned_url(key)
    if lent is None:
        return Response(store.get_bytes(key), headers=headers, media_type=media_type(key))
    if not store.exists(key):
        raise missing(key)
    # Half the life of the URL, so that a browser never follows a cached redirect that has expired.
    kept = f"private, max-age={PRESIGNED_TTL.total_seconds() / 2:.0f}"
    return RedirectResponse(lent, 302, headers={"cache-control": kept})


def _file_answer(request: Request, path: Path, key: str, headers: Mapping[str, str]) -> Response:
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
    """Read the span at once and answer with it: FileResponse takes a thread each to open, read
    and close."""
    start, end = span or (0, size)
    with path.open("rb") as opened:
        opened.seek(start)
        content = opened.read(end - start)
    part = {"content-range": content_range(span, size)} if span else {}
    headers = {**file.headers, **part, "content-length": str(len(content))}
    return Response(content, 206 if span else 200, headers)


def _ignore(request: Request, *names: str) -> None:
    """Remove headers from the request, because FileResponse reads them by itself."""
    scope, ignored = request.scope, {name.encode() for name in names}
    scope["headers"] = [each for each in scope["headers"] if each[0] not in ignored]


def _is_public(request: Request, key: str) -> bool:
    """Whether everybody may read the file.

    Raises VideoNotFoundError for a client without a signed link to a video that needs one.
    """
    return watchable(request, key.split("/")[1]).visibility is Visibility.PUBLIC


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/media/{key:path}",
        media,
        "A released file, whole or a range of it",
        {200: ANY, 206: ANY, 302: None, 304: None},
        query=SignedLinkQuery,
        errors=(LinkExpiredError,),
        refused=(400, 416, 503),
    ),
)
