"""A server with the lines of one dub, as the platform's addresses have them.

with running(lines_server(["Hello."])) as url: ...
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LINES = "/videos/{id}/dubs/{language}/lines"


def lines_server(texts: Sequence[str]) -> Starlette:
    """An edit wants the ETag of the line as it is."""
    said = list(texts)

    def shown(number: int) -> dict[str, object]:
        edited = said[number] != texts[number]
        line = {"number": number, "start": 2.0 * number, "source": texts[number]}
        return {**line, "text": said[number], "edited": edited}

    async def every(_: Request) -> Response:
        return JSONResponse({"lines": [shown(number) for number in range(len(said))]})

    async def one(request: Request) -> Response:
        number = int(request.path_params["number"])
        etag = f'"{said[number]}"'
        if request.method == "PUT":
            if request.headers["if-match"] != etag:
                return Response(status_code=412)
            said[number] = (await request.json())["text"]
        return JSONResponse(shown(number), headers={"etag": etag})

    return Starlette(
        routes=[Route(LINES, every), Route(f"{LINES}/{{number}}", one, methods=["GET", "PUT"])]
    )
