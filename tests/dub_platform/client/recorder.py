"""A platform that takes all that the contract has, notes it, and answers as the contract says.

recorder = Recorder()
with running(recorder.app) as url: ...
recorder.operations             # {"GET /videos/{id}", ...}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.document import document
from api.operations import OPERATIONS

ID = "up-0123456789abcdef0123456789abcdef"
END = "event: end\ndata: {}\n\n"
# What every text of this name is; any other is its own name.
_TEXTS = {
    "id": ID,
    "video_id": ID,
    "language": "es",
    "captions_urls": "/media/a",
    "watch": "http://a",
}
_LEFT_OUT = ("error", "next_cursor", "next_url")

Schema = Mapping[str, Any]


@dataclass
class Recorder:
    """What was asked of it: the operations, and of each the body that came last."""

    operations: set[str] = field(default_factory=set)
    bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._contract: Schema = document("", "")
        self.app = Starlette(
            routes=[
                Route(_as_route(each.path), self._answer, methods=[each.method])
                for each in OPERATIONS
            ]
        )

    async def _answer(self, request: Request) -> Response:
        path = request.scope["route"].path.replace(":path}", "}")
        name = f"{request.method} {path}"
        self.operations.add(name)
        self.bodies[name] = await _body(request)
        operation = self._contract["paths"][path][request.method.lower()]
        told = {**self.bodies[name], **request.query_params}
        good = [status for status in sorted(operation["responses"]) if status < "300"]
        # A dry run is answered with 200, and what is done with what comes after.
        status = good[0] if told.get("dry_run") in (True, "true") else good[-1]
        return self._made(int(status), operation["responses"][status].get("content", {}))

    def _made(self, status: int, content: Schema) -> Response:
        headers = {"etag": '"seen"'}
        if "text/event-stream" in content:
            return Response(END, media_type="text/event-stream")
        if "application/json" in content and (schema := content["application/json"].get("schema")):
            return JSONResponse(self.example(schema, ""), status, headers)
        return Response("{}" if content else b"", status, headers)

    def example(self, schema: Schema, name: str) -> Any:
        """A value of this schema with all that can be in it, but no reason for a failure."""
        if "$ref" in schema:
            shape = schema["$ref"].rpartition("/")[2]
            return self.example(self._contract["components"]["schemas"][shape], name)
        if "anyOf" in schema:
            return self.example(schema["anyOf"][0], name)
        if "enum" in schema:
            return schema["enum"][-2 if "released" in schema["enum"] else 0]
        kind = schema.get("type")
        if kind == "object":
            found = {
                field: self.example(each, field)
                for field, each in schema.get("properties", {}).items()
                if field not in _LEFT_OUT
            }
            named = schema.get("additionalProperties")
            return found | (_named(self.example(named, name)) if isinstance(named, dict) else {})
        if kind == "array":
            return [self.example(schema["items"], name.rstrip("s"))]
        plain = {"integer": 0, "number": 1.0, "boolean": True, "null": None}
        if kind in plain:
            return plain[kind]
        return "2026-11-30T12:00:00Z" if "format" in schema else _TEXTS.get(name, name)


def _named(value: Any) -> dict[str, Any]:
    return {"srt": value, "es": value}


def _as_route(path: str) -> str:
    return path.replace("{key}", "{key:path}").replace("static/{path}", "static/{path:path}")


async def _body(request: Request) -> Mapping[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        async with request.form() as form:
            return {
                name: value if isinstance(value, str) else value.filename
                for name, value in form.items()
            }
    return dict(json.loads(await request.body() or b"{}"))
