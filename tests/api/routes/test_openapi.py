"""The contract: every route is in it, and what it says of each is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import api.app
import api.document
from api.app import create_app
from api.contract.operation import PLAIN, Operation
from api.contract.problems import HTTP_CODE, STATUS
from api.document import document
from api.operations import OPERATIONS
from tests.support.rig.services import YOUTUBE, Services, local_client, release

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return document("0.1.0", "http://dub.test")


def routed(services: Services) -> Iterator[tuple[str, str]]:
    for route in create_app(services).routes:
        if isinstance(route, Mount):
            yield "GET", f"{route.path}/{{path}}"
        elif isinstance(route, Route):
            methods = route.methods or {m.upper() for m in METHODS if hasattr(route.endpoint, m)}
            path = re.sub(r":\w+}", "}", route.path)
            yield from ((method, path) for method in methods - {"HEAD"})


def test_every_route_is_described(services: Services) -> None:
    """And nothing that is no route."""
    assert sorted(routed(services)) == sorted((each.method, each.path) for each in OPERATIONS)


def say_hello(request: Request) -> Response:
    """What a new handler may look like."""
    return PlainTextResponse(f"Hello, {request.path_params['name']}.")


HELLO = Operation("GET", "/hello/{name:path}", say_hello, "Say hello", {200: PLAIN})


def test_a_row_is_all_that_an_address_needs(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered, its query is checked, and the contract and its page have it."""
    for module in (api.app, api.document):
        monkeypatch.setattr(module, "OPERATIONS", (*OPERATIONS, HELLO))
    client = local_client(replace(services, version="with one more"))
    assert "Hello, big/world." == client.get("/hello/big/world").text
    assert 422 == client.get("/hello/world?lang=es").status_code
    described = client.get("/openapi.json").json()["paths"]["/hello/{name}"]
    assert {"get": "Say hello"} == {each: row["summary"] for each, row in described.items()}
    assert "Say hello" in client.get("/docs").text


def test_an_address_has_one_handler(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starlette would ask the first alone; so the app does not start."""
    other = replace(HELLO, method="PUT", handler=PlainTextResponse)
    monkeypatch.setattr(api.app, "OPERATIONS", (*OPERATIONS, HELLO, other))
    with pytest.raises(ValueError, match="too many values"):
        create_app(services)


def test_every_operation_has_a_name_of_its_own(contract: dict[str, Any]) -> None:
    """Generators of clients name their functions by it."""
    names = [each["operationId"] for path in contract["paths"].values() for each in path.values()]
    assert len(OPERATIONS) == len(names) == len(set(names))


def test_every_shape_is_a_json_schema(contract: dict[str, Any]) -> None:
    """OpenAPI 3.1 takes that of 2020-12 as it is."""
    shapes = contract["components"]["schemas"]
    assert "3.1.1" == contract["openapi"]
    assert {} == {name: shape for name, shape in shapes.items() if not meta.is_valid(shape)}


def test_every_reference_leads_somewhere(contract: dict[str, Any]) -> None:
    """And every shape is used."""
    used = set(re.findall(r"#/components/schemas/(\w+)", str(contract)))
    assert used == set(contract["components"]["schemas"])


def test_every_code_of_an_operation_is_one_that_is_answered() -> None:
    """With its status."""
    known = {*STATUS.values(), *HTTP_CODE}
    for each in OPERATIONS:
        assert set(each.codes) <= known, each.path
        assert all(status >= 400 for status in each.codes), each.path


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/videos", "VideoPage"),
        (f"/videos/{YOUTUBE}", "VideoAnswer"),
        (f"/videos/{YOUTUBE}/dubs/es", "DubAnswer"),
        (f"/videos/{YOUTUBE}/dubs/ca", "Problem"),
        ("/channels", "ChannelPage"),
        ("/health", "AliveAnswer"),
        ("/ready", "ReadyAnswer"),
        ("/version", "VersionAnswer"),
    ],
)
def test_an_answer_has_the_shape_that_is_described(
    client: TestClient, services: Services, contract: dict[str, Any], path: str, shape: str
) -> None:
    """What there is none of is left out, so it is not required either."""
    release(services, YOUTUBE, "es")
    schema = {"$ref": f"#/components/schemas/{shape}", "components": contract["components"]}
    errors = Draft202012Validator(schema).iter_errors(client.get(path).json())
    assert [] == [error.message for error in errors]


def test_it_is_served(client: TestClient, contract: dict[str, Any]) -> None:
    """As JSON, and it names itself."""
    answer = client.get("/openapi.json")
    assert ("application/json", contract) == (answer.headers["content-type"], answer.json())
    assert "/openapi.json" in answer.json()["paths"]


def test_the_page_shows_every_operation_shape_and_code(
    client: TestClient, contract: dict[str, Any]
) -> None:
    """Whoever looks something up finds it by name."""
    page = client.get("/docs").text
    missing = [
        word
        for each in OPERATIONS
        for word in (f"<code>{each.method} {each.path}</code>", *chain(*each.codes.values()))
        if word not in page
    ]
    assert [] == missing
    assert set(contract["components"]["schemas"]) <= set(re.findall(r'id="(\w+)"', page))


def test_the_page_needs_no_other_host_and_nothing_inline(client: TestClient) -> None:
    """Neither script nor style, and its policy would not let them."""
    answer = client.get("/docs")
    assert [] == re.findall(r"<script|<style|\sstyle=|\son\w+=", answer.text)
    assert set() == set(re.findall(r'(?:src|href)="(?:https?:)?//([^/"]+)', answer.text)) - {
        "dagster.test"
    }
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "style-src 'self'" in answer.headers["content-security-policy"]


def test_a_range_beyond_the_end_is_a_problem_too(client: TestClient, services: Services) -> None:
    """No answer of the API is bare text; where the file ends is still said."""
    track = release(services, YOUTUBE, "es").track_key
    answer = client.get(f"/media/{track}", headers={"range": "bytes=99-"})
    assert (416, "range_not_satisfiable") == (answer.status_code, answer.json()["code"])
    assert "bytes */10" == answer.headers["content-range"]
