"""The released files: GET and HEAD /media/releases/..., with Range.

Only what lies under `releases/` has an address; every other key, and every path that is no
key, is not found.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.desk import open_desk_of
from api.links import watchable
from dub_platform.core.errors import StorageError, VideoNotFoundError
from dub_platform.registry.port import Visibility
from resources.store.local import LocalStore
from resources.store.port import PUBLIC, cache_control, media_type


def media(request: Request) -> Response:
    """The file under a public key; 206 for a range, 304 for what the client has.

    With a bucket there is nothing here: viewers read from the bucket's own address.
    """
    key, store = request.path_params["key"], open_desk_of(request).store
    if not key.startswith(PUBLIC) or not isinstance(store, LocalStore):
        raise HTTPException(404)
    try:
        path, is_public = store.path(key), _is_public(request, key)
    except (StorageError, VideoNotFoundError) as error:
        raise HTTPException(404) from error
    # A cache that others share would hand it to who has no link.
    headers = {"cache-control": cache_control(key) if is_public else "private, no-cache"}
    file = FileResponse(path, headers=headers, media_type=media_type(key), stat_result=path.stat())
    if file.headers["etag"] in _known(request):
        return Response(status_code=304, headers={**headers, "etag": file.headers["etag"]})
    return file


def _is_public(request: Request, key: str) -> bool:
    """Whether everybody may have it. Raises VideoNotFoundError for who has no link to its video."""
    return watchable(request, key.split("/")[1]).visibility is Visibility.PUBLIC


def _known(request: Request) -> list[str]:
    tags = request.headers.get("if-none-match", "").split(",")
    return [tag.strip().removeprefix("W/") for tag in tags]
