"""The start page: hand a video in, and see the newest ones."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.rendering import render
from api.services import Services, services_of
from api.signed_links import signed
from dub_platform.core.languages import AUTO, Language, language

NEWEST = 12
# Those that people's videos speak most, as far as something here can be dubbed from them.
_SPOKEN = (
    *("ar", "ca", "cs", "da", "de", "el", "en", "eo", "es", "eu", "fi", "fr", "gl", "he", "hi"),
    *("hu", "id", "it", "ja", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk"),
    *("vi", "zh"),
)


def start(request: Request) -> Response:
    """A form with the languages there are, above the newest videos."""
    services = services_of(request)
    values = {
        "languages": [language(code) for code in services.targets(services.source_language)],
        "spoken": services.source_language,
        "all_spoken": spoken_languages(services),
        "tells": services.detects_languages or services.source_language == AUTO,
        "videos": [
            (video, signed(services, video, f"/watch?v={video.id}"))
            for video in services.registry.videos(limit=NEWEST).videos
        ],
    }
    return render(request, "start.html", values)


def spoken_languages(services: Services) -> list[Language]:
    """What can be spoken in a video that is dubbed here, by English names."""
    codes = {*_SPOKEN, services.source_language} - {AUTO}
    found = [language(code) for code in codes if services.targets(code)]
    return sorted(found, key=lambda each: each.name)
