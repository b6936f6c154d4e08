"""The redirect from a form that was sent without a script to the page that shows its result.

if wants_page(request):
    return redirect_to(watch_url(services, video, "es"))
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response


def wants_page(request: Request) -> bool:
    """Whether the client is a browser that shows the answer as a page."""
    return "text/html" in request.headers.get("accept", "")


def redirect_to(address: str) -> Response:
    """Redirect to the page at this address of ours.

    Only its path is used, so that a browser that came by another host name stays there.
    """
    parts = urlsplit(address)
    return RedirectResponse(f"{parts.path}?{parts.query}", 303)
