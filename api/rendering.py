"""Renders templates into pages.

    return render(request, "watch.html", {"player": player})

Every value is escaped, because titles are written by strangers.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.services import services_of

_PAGES = Path(__file__).parent / "pages"
STATIC_DIR = _PAGES / "static"
# The documents as a site, where somebody has made one (`pages/help.py`).
SITE_DIR, FIRST_PAGE = _PAGES / "site", "index.html"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src {media}; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-src {frames}; frame-ancestors {ancestors}"
)
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_PAGES / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def has_help() -> bool:
    """Whether the documents are there as a site."""
    return (SITE_DIR / FIRST_PAGE).is_file()


@functools.cache
def static_version() -> str:
    """Return the version of all files, which every server of a release computes alike."""
    digest = hashlib.sha256()
    for path in sorted(STATIC_DIR.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(STATIC_DIR).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"v-{digest.hexdigest()[:16]}"


def static(name: str) -> str:
    """Return the address of a style or script, with its version (`routes/static.py`)."""
    return f"/static/{static_version()}/{name}"


_templates.globals.update(has_help=has_help, static=static)


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    frames: str = "",
    ancestors: str = "'none'",
) -> HTMLResponse:
    """Render the template, with a Content-Security-Policy that allows no script of strangers.

    The page may show frames of the origin `frames`, and be shown in those of `ancestors`.
    """
    services = services_of(request)
    page = _templates.get_template(template).render(values, services=services)
    media = ["'self'", services.media_origin, services.presigned_origin]
    policy = _POLICY.format(
        media=" ".join(filter(None, media)), frames=frames or "'none'", ancestors=ancestors
    )
    return HTMLResponse(page, status, {**(headers or {}), "content-security-policy": policy})
