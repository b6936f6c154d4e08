"""What other sites show where somebody links to a video: GET /oembed (oembed.com).

    GET /oembed?url=https://dub.example.com/watch?v=dQw4w9WgXcQ%26lang=es

Sites find it by a link in the watch page. A video that needs a signed link is not shown by them,
because everybody who reads such a page would have the link.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import Operation
from api.contract.responses import answer
from api.contract.schemas import OEmbedAnswer, OEmbedQuery, parse
from api.services import Services, unscoped_services_of
from dub_platform.core.errors import (
    InvalidVideoIdError,
    UnknownLanguageError,
    VideoNotFoundError,
)
from dub_platform.core.languages import language
from dub_platform.core.service.videos import check_video_id
from dub_platform.registry.records import Video, Visibility, no_video

PAGES = ("/watch", "/embed")
WIDTH, HEIGHT = 640, 360
ALLOWED = "autoplay; fullscreen; picture-in-picture"


def oembed(request: Request) -> Response:
    """Answer what shows the video at `url`. Raises VideoNotFoundError, HTTPException."""
    services, asked = unscoped_services_of(request), parse(OEmbedQuery, request.query_params)
    video, lang = _find_video(services, asked.url)
    width = min(WIDTH, asked.maxwidth or WIDTH, (asked.maxheight or HEIGHT) * WIDTH // HEIGHT)
    height = max(1, width * HEIGHT // WIDTH)
    query = urlencode({"v": video.id, **({"lang": lang} if lang else {})})
    title = video.title or video.id
    frame = (
        f'<iframe src="{escape(f"{services.base_url}/embed?{query}")}" width="{width}" '
        f'height="{height}" title="{escape(title)}" allow="{ALLOWED}" allowfullscreen '
        f'style="border:0"></iframe>'
    )
    shown = OEmbedAnswer(
        title=title,
        provider_name="Dub",
        provider_url=services.base_url,
        width=width,
        height=height,
        html=frame,
    )
    return answer(shown)


def _find_video(services: Services, url: str) -> tuple[Video, str]:
    """Return the public video whose page is at `url`, and the language that it names."""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError as error:
        raise HTTPException(404) from error
    ours = urlsplit(services.base_url)
    if (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc) or parts.path not in PAGES:
        raise HTTPException(404)
    try:
        video_id = check_video_id(query.get("v", [""])[0])
        lang = query.get("lang", [""])[0]
        lang = language(lang).code if lang else ""
    except (InvalidVideoIdError, UnknownLanguageError) as error:
        raise HTTPException(404) from error
    video = services.registry.video(video_id)
    if video.visibility is not Visibility.PUBLIC:
        raise no_video(video_id)
    return video, lang


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/oembed",
        oembed,
        "What other sites show where somebody links to a video's page (oembed.com)",
        {200: OEmbedAnswer},
        query=OEmbedQuery,
        errors=(VideoNotFoundError,),
        refused=(404,),
    ),
)
