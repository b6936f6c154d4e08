"""The line editor of one dub.

    GET /edit?v=dQw4w9WgXcQ&lang=es

The page itself knows nothing of the video: `static/editor/main.js` asks the API for the lines with
the key of whoever edits, so the page is the same for everybody and shows nobody more than the API.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import PAGE, Operation
from api.contract.schemas import EditQuery
from api.pages.texts import all_texts, texts_for
from api.rendering import render
from api.services import services_of
from dub_platform.core.errors import InvalidVideoIdError, UnknownLanguageError
from dub_platform.core.languages import language
from dub_platform.core.service.videos import check_video_id


def edit(request: Request) -> Response:
    """Render the line editor of video `v` in language `lang`, in the language `hl`."""
    video_id, lang = request.query_params.get("v"), request.query_params.get("lang")
    if not video_id:
        raise InvalidVideoIdError("Say which video: this address has ?v= and the video's id.")
    if not lang:
        raise UnknownLanguageError("Say which dub: this address ends with &lang= and a language.")
    texts = texts_for(request, "edit")
    values = {
        "video_id": check_video_id(video_id),
        "language": language(lang),
        "asks_for_key": services_of(request).keys is not None,
        "t": texts,
        "others": [each for each in all_texts("edit").values() if each is not texts],
    }
    headers = {"vary": "Accept-Language", "content-language": texts.code}
    return render(request, "edit.html", values, headers=headers)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/edit",
        edit,
        "The line editor of a dub",
        {200: PAGE},
        query=EditQuery,
        errors=(InvalidVideoIdError, UnknownLanguageError),
    ),
)
