"""The contract as an OpenAPI 3.1 document.

    document("0.1.0", "https://dub.example.com")["paths"]["/videos"]["post"]

Its schemas are the models that validate requests (`contract/schemas.py`), its operations come from
`operations.py`.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.contract.operation import JSON, PAGE, Operation
from api.contract.schemas import Problem
from api.middleware.idempotency import MOST_KEY_LENGTH
from api.operations import OPERATIONS

Schema = dict[str, Any]
_REF = "#/components/schemas/{model}"
_TEXT: Mapping[str, Any] = {"type": "string"}
_IN_PATH: Mapping[str, Schema] = {
    "id": {**_TEXT, "examples": ["dQw4w9WgXcQ"]},
    "language": {**_TEXT, "description": "BCP 47", "examples": ["es", "pt-BR"]},
}
_KEY: Schema = {"type": "string", "pattern": rf"^[!-~]{{1,{MOST_KEY_LENGTH}}}$"}
_SCHEME = "key"
# The headers of an answer, by its status.
_SAID: Mapping[int, Sequence[str]] = {
    401: ["WWW-Authenticate"],
    429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
}


@functools.cache
def document(version: str, base_url: str) -> Schema:
    """Return the whole OpenAPI document as JSON values."""
    schemas = _schemas()
    paths: dict[str, Schema] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Dub",
            "version": version,
            "description": "Hand in a video, get it back in other languages.",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": _used_schemas(schemas, paths),
            "securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}},
        },
    }


def _used_schemas(schemas: Schema, paths: Schema) -> Schema:
    """Return the schemas that something refers to.

    Query models are left out: they are parameters.
    """
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps([schemas, paths])))
    return {name: schema for name, schema in schemas.items() if name in names}


def _schemas() -> Schema:
    """Return every schema by its name: requests as they are validated, answers as they are sent."""
    asked = {shape for each in OPERATIONS for shape in (*each.body.values(), each.query) if shape}
    answered = {shape for each in OPERATIONS for shape in each.answers.values()}
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((shape, "validation") for shape in _by_name(asked)),
        *((shape, "serialization") for shape in _by_name({*answered, Problem})),
    ]
    _, found = models_json_schema(models, ref_template=_REF)
    sent = {shape.__name__ for shape, mode in models if mode == "validation"}
    for name, schema in found["$defs"].items():
        if name not in sent:
            _leave_out_nulls(schema)
    return dict(sorted(found["$defs"].items()))


def _by_name(shapes: Iterable[object]) -> list[type[BaseModel]]:
    models = [shape for shape in shapes if isinstance(shape, type) and issubclass(shape, BaseModel)]
    return sorted(models, key=lambda shape: shape.__name__)


def _leave_out_nulls(schema: Schema) -> None:
    """Take null out of an answer's schema: `responses.answer` leaves out fields without a value."""
    fields: Schema = schema.get("properties", {})
    nullable = {name for name, field in fields.items() if {"type": "null"} in _choices(field)}
    schema["required"] = [name for name in schema.get("required", ()) if name not in nullable]
    for name in nullable:
        kinds = [each for each in fields[name].pop("anyOf") if each != {"type": "null"}]
        fields[name].pop("default", None)
        fields[name].update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _choices(field: Schema) -> Sequence[Schema]:
    choices: Sequence[Schema] = field.get("anyOf", ())
    return choices


def _operation(each: Operation, schemas: Schema) -> Schema:
    described: Schema = {
        "operationId": _operation_id(each),
        "summary": each.summary,
        "parameters": [*_in_path(each), *_in_query(each, schemas), *_in_headers(each)],
        "responses": {str(status): _answer(each, status) for status in _statuses(each)},
    }
    if each.needs_key:
        # The empty alternative stands for deployments that ask for no keys.
        described["security"] = [{_SCHEME: []}, {}]
    if each.body:
        described["requestBody"] = {
            "required": each.needs_body,
            "content": {kind: {"schema": _ref(shape)} for kind, shape in each.body.items()},
        }
    return described


def _operation_id(each: Operation) -> str:
    words = re.findall(r"\w+", each.path)
    return "_".join((each.method.lower(), *words)) if words else f"{each.method.lower()}_start"


def _in_path(each: Operation) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", each.path):
        schema = _IN_PATH.get(name, _TEXT)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(each: Operation, schemas: Schema) -> Iterator[Schema]:
    if each.query is None:
        return
    shape = schemas[each.query.__name__]
    for name, schema in shape["properties"].items():
        required = name in shape.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": schema}


def _in_headers(each: Operation) -> Iterator[Schema]:
    if each.method == "POST":
        yield _header("Idempotency-Key", _KEY, "With the same key and body: the first answer again")
    if each.tagged and each.method == "GET":
        yield _header("If-None-Match", _TEXT, "An ETag that is known: 304 where it still holds")
    if each.compares:
        told = _header("If-Match", _TEXT, "The ETag that was read: 412 where it is another by now")
        yield {**told, "required": each.matched}


def _header(name: str, schema: Mapping[str, Any], description: str) -> Schema:
    return {"name": name, "in": "header", "schema": schema, "description": description}


def _statuses(each: Operation) -> list[int]:
    unchanged = (304,) if each.tagged and each.method == "GET" else ()
    return sorted({*each.answers, *each.codes, *unchanged})


def _answer(each: Operation, status: int) -> Schema:
    names = ["ETag"] if each.tagged and status < 400 else _SAID.get(status, ())
    said = {"headers": {name: {"schema": _TEXT} for name in names}} if names else {}
    return {"description": HTTPStatus(status).phrase, **said, **_content(each, status)}


def _content(each: Operation, status: int) -> Schema:
    content: Schema = {}
    shape = each.answers.get(status)
    if isinstance(shape, str):
        content[shape] = {}
    elif shape is not None:
        content[JSON] = {"schema": _ref(shape)}
    if codes := each.codes.get(status):
        # A browser that asks for a page gets the problem as one.
        content |= {"application/problem+json": {"schema": _problem(codes)}, PAGE: {}}
    return {"content": content} if content else {}


def _problem(codes: Sequence[str]) -> Schema:
    return {"allOf": [_ref(Problem), {"properties": {"code": {"enum": list(codes)}}}]}


def _ref(shape: type[BaseModel]) -> Schema:
    return {"$ref": _REF.format(model=shape.__name__)}
