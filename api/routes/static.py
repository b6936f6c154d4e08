"""The pages' styles and scripts: GET /static/VERSION/watch.js.

The version is a digest of all these files, and stands before their names: a module imports the
others by relative addresses, so all modules of a page are of the release that the page is of. A
browser keeps them for a year and asks no more.

Without a version, or with that of another release, there is the file of this release, which is
looked for anew each time: while servers are replaced, some are older than the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.contract.operation import ANY, Operation
from api.rendering import STATIC_DIR, static_version

_VERSION = re.compile(r"v-[0-9a-f]{16}")
_FOR_EVER = "public, max-age=31536000, immutable"


class VersionedFiles(StaticFiles):
    """The files of `STATIC_DIR`, with and without a version before their names."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC_DIR)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file; a browser may keep it if the version is the one of this release."""
        version, _, name = path.replace("\\", "/").partition("/")
        if not _VERSION.fullmatch(version):
            return await super().get_response(path, scope)
        response = await super().get_response(name, scope)
        if version == static_version() and response.status_code in (200, 304):
            response.headers["cache-control"] = _FOR_EVER
        return response


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/static/{path}",
        VersionedFiles,
        "The pages' style and script",
        {200: ANY, 304: None},
    ),
)
