"""The documents as a site: GET /help, where `make docs` or the image has made one (docs/build.py).

Mount("/help", HelpPages())                # the files in rendering.SITE_DIR

Without a site there is nothing at these addresses. Its pages run no script but their own files, and
ask no other host for anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import rendering
from api.contract.operation import ANY, Operation

_STYLES = "styles.txt"
_DIGEST = re.compile(r"sha256-[A-Za-z0-9+/]{43}=")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; worker-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def help_start(_: Request) -> Response:
    """On to the address of the first page, beside which the others are. Raises HTTPException."""
    if not rendering.has_help():
        raise HTTPException(404, "The documents are no pages here: `make docs` makes them.")
    return RedirectResponse("/help/", 302)


class HelpPages(StaticFiles):
    """The files of the site."""

    def __init__(self) -> None:
        super().__init__(directory=rendering.SITE_DIR, check_dir=False)

    async def check_config(self) -> None:
        """Nothing: a site that was not made is no fault, its pages are only not found."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file under the policy of these pages; the first one at the address of them all."""
        response = await super().get_response(
            rendering.FIRST_PAGE if path == os.curdir else path, scope
        )
        response.headers["content-security-policy"] = _POLICY.format(styles=_styles())
        return response


def _styles() -> str:
    """Return the style sources for the policy: our own files, and the digests of styles that the
    site's scripts add to pages."""
    try:
        named = (rendering.SITE_DIR / _STYLES).read_text().split()
    except OSError:
        named = []
    return " ".join(["'self'", *(f"'{each}'" for each in named if _DIGEST.fullmatch(each))])


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/help",
        help_start,
        "The documents, where they were made a site",
        {302: None},
        refused=(404,),
    ),
    Operation(
        "GET",
        "/help/{path}",
        HelpPages,
        "A page of the documents, or what belongs to it",
        {200: ANY, 304: None},
    ),
)
