"""From what a page's form has done to the page that shows it, where no script does that.

if wants_page(request):
    return led_on(watch_url(services, video, "es"))
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response


def wants_page(request: Request) -> bool:
    """Whether a browser asks that shows what comes back."""
    return "text/html" in request.headers.get("accept", "")


def led_on(address: str) -> Response:
    """To the page at this address of ours. Its path alone: who came by another name stays there."""
    parts = urlsplit(address)
    return RedirectResponse(f"{parts.path}?{parts.query}", 303)
