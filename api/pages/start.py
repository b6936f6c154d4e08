"""The start page: hand a video in, and see the newest ones."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.desk import desk_of
from api.links import signed
from api.pages.render import render
from dub_platform.core.languages import AUTO, language

NEWEST = 12


def start(request: Request) -> Response:
    """A form with the languages there are, above the newest videos."""
    desk = desk_of(request)
    values = {
        "languages": [language(code) for code in desk.targets(desk.source_language)],
        "spoken": None if desk.source_language == AUTO else language(desk.source_language),
        "videos": [
            (video, signed(desk, video, f"/watch?v={video.id}"))
            for video in desk.registry.videos(limit=NEWEST).videos
        ],
    }
    return render(request, "start.html", values)
