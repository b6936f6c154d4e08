"""The contract for people: GET /docs.

It is rendered from the same document as /openapi.json, without script and without other hosts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import PAGE, Operation
from api.rendering import render
from api.routes.openapi import document_of

_SCHEMAS = "#/components/schemas/"


@dataclass(frozen=True)
class Field:
    """A parameter or a property: its name, its place, its type, and whether it is required."""

    name: str
    where: str
    kind: str
    required: bool


@dataclass(frozen=True)
class Content:
    """A body of a request or an answer; `shape` names its schema, which the page shows below."""

    kind: str
    shape: str
    codes: Sequence[str]


@dataclass(frozen=True)
class ShownOperation:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    parameters: Sequence[Field]
    body: Sequence[Content]
    answers: Mapping[str, Sequence[Content]]


def docs(request: Request) -> Response:
    """Render all operations with their answers, and all schemas with their fields."""
    whole = document_of(request)
    operations = [
        _describe_operation(method.upper(), path, operation)
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    ]
    shapes = {name: _fields(schema) for name, schema in whole["components"]["schemas"].items()}
    return render(request, "docs.html", {"operations": operations, "shapes": shapes})


def kind_of(schema: Mapping[str, Any]) -> str:
    """Describe the type of a schema in a few words: `string`, `list of DubAnswer`, `queued or
    failed`."""
    if "$ref" in schema:
        return _name(schema)
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return json.dumps(schema["const"])
    for choice in ("anyOf", "allOf", "oneOf"):
        if choice in schema:
            return " or ".join(kind_of(each) for each in schema[choice])
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        return f"by name: {kind_of(values)}"
    return str(schema.get("format") or schema.get("type") or "anything")


def _describe_operation(method: str, path: str, operation: Mapping[str, Any]) -> ShownOperation:
    return ShownOperation(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        parameters=[
            Field(each["name"], each["in"], kind_of(each["schema"]), each.get("required", False))
            for each in operation["parameters"]
        ],
        body=_contents(operation.get("requestBody", {})),
        answers={code: _contents(answer) for code, answer in operation["responses"].items()},
    )


def _contents(holder: Mapping[str, Any]) -> list[Content]:
    return [
        _content(kind, media.get("schema", {})) for kind, media in holder.get("content", {}).items()
    ]


def _content(kind: str, schema: Mapping[str, Any]) -> Content:
    """Return a body of an operation; a problem with its error codes, because its schema is
    always the same."""
    if "allOf" not in schema:
        return Content(kind, _name(schema), ())
    shape, narrowed = schema["allOf"]
    return Content(kind, _name(shape), narrowed["properties"]["code"]["enum"])


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).removeprefix(_SCHEMAS)


def _fields(schema: Mapping[str, Any]) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, "", kind_of(each), name in required)
        for name, each in schema.get("properties", {}).items()
    ]


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/docs", docs, "This contract, for people", {200: PAGE}),
)
