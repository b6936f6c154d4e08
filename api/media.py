"""The released files: GET and HEAD /media/releases/..., with Range.

Only what lies under `releases/` has an address; every other key, and every path that is no
key, is not found.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.desk import desk_of
from dub_platform.core.errors import StorageError
from resources.store import PUBLIC

TYPES = {
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/x-subrip",
    ".json": "application/json",
}
_HEADERS = {"cache-control": "public, max-age=31536000, immutable"}


def media(request: Request) -> Response:
    """The file under a public key; 206 for a range, 304 for what the client has."""
    key = request.path_params["key"]
    if not key.startswith(PUBLIC):
        raise HTTPException(404)
    try:
        path = desk_of(request).store.path(key)
    except StorageError as error:
        raise HTTPException(404) from error
    kind = TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")
    file = FileResponse(path, headers=_HEADERS, media_type=kind, stat_result=path.stat())
    if file.headers["etag"] in _known(request):
        return Response(status_code=304, headers={**_HEADERS, "etag": file.headers["etag"]})
    return file


def _known(request: Request) -> list[str]:
    tags = request.headers.get("if-none-match", "").split(",")
    return [tag.strip().removeprefix("W/") for tag in tags]
