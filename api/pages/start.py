"""The start page: a form to submit a video, and the newest videos."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import PAGE, Operation
from api.rendering import render
from api.services import Services, services_of
from api.signed_links import sign_if_needed
from dub_platform.core.languages import AUTO, Language, language

NEWEST = 12
# The languages that videos speak most; the form offers those that can be dubbed from.
_SPOKEN = (
    *("ar", "ca", "cs", "da", "de", "el", "en", "eo", "es", "eu", "fi", "fr", "gl", "he", "hi"),
    *("hu", "id", "it", "ja", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk"),
    *("vi", "zh"),
)


def start(request: Request) -> Response:
    """Render the form with the available languages, above the newest videos."""
    services = services_of(request)
    values = {
        "languages": [language(code) for code in services.targets(services.source_language)],
        "spoken": services.source_language,
        "all_spoken": spoken_languages(services),
        "tells": services.detects_languages or services.source_language == AUTO,
        "videos": [
            (video, sign_if_needed(services, video, f"/watch?v={video.id}"))
            for video in services.registry.videos(limit=NEWEST).videos
        ],
    }
    return render(request, "start.html", values)


def spoken_languages(services: Services) -> list[Language]:
    """Return the languages that a video dubbed here may speak, sorted by English name."""
    codes = {*_SPOKEN, services.source_language} - {AUTO}
    found = [language(code) for code in codes if services.targets(code)]
    return sorted(found, key=lambda each: each.name)


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/", start, "A form to hand a video in, and the newest ones", {200: PAGE}),
)
