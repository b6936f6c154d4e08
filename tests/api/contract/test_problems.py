"""Problem documents, request ids and the headers on everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.testclient import TestClient

from api.app import create_app
from api.contract.problems import STATUS, status_of
from dub_platform.core import errors
from dub_platform.core.errors import DubError
from tests.api.conftest import Log
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services


def every(kind: type[DubError]) -> Iterator[type[DubError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every(child)


def test_every_error_has_a_status_of_its_side() -> None:
    """What the client can mend is 4xx; what it cannot is 5xx."""
    sides = {
        kind.__name__: status_of(kind("It happened.")) // 100
        for kind in every(DubError)
        if kind.__module__ == errors.__name__
    }
    ours = {
        name
        for name in sides
        if issubclass(
            getattr(errors, name),
            (
                errors.ProviderError,
                errors.StorageError,
                errors.InternalError,
                errors.SourceUnreachableError,
            ),
        )
    } - {"ArtifactMissingError", "CostCapError"} | {"DubError"}
    assert {name: 5 if name in ours else 4 for name in sides} == sides


def test_the_table_names_only_errors_there_are() -> None:
    """A row for a class outside the tree would never be reached."""
    assert set(STATUS) <= set(every(DubError))


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/videos", 405, "method_not_allowed"),
        ("POST", "/watch", 405, "method_not_allowed"),
        ("GET", "/static/nothing.js", 404, "not_found"),
    ],
)
def test_what_http_refuses_is_a_problem_document_too(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    """No answer of the API is bare text."""
    answer = client.request(method, path)
    assert (status, "application/problem+json", code) == (
        answer.status_code,
        answer.headers["content-type"],
        answer.json()["code"],
    )


@pytest.mark.parametrize(
    ("query", "value", "status", "code"),
    [
        ("x" * 8_192, "", 414, "address_too_long"),
        ("", "x" * 32_768, 431, "headers_too_large"),
    ],
)
def test_a_head_without_end_is_refused(
    server: str, query: str, value: str, status: int, code: str
) -> None:
    """By a real server, which takes it; the connection ends with the answer."""
    answer = httpx.get(f"{server}/health?{query}", headers={"x-long": value}, timeout=HANG_SECONDS)
    assert (status, code, "close") == (
        answer.status_code,
        answer.json()["code"],
        answer.headers["connection"],
    )
    assert 200 == httpx.get(f"{server}/health?{query[:4000]}", timeout=HANG_SECONDS).status_code


@pytest.mark.parametrize("path", ["/webhooks/%00", "/channels/a%00", f"/videos/{YOUTUBE}%00"])
def test_an_address_with_a_nul_is_none(client: TestClient, path: str) -> None:
    """PostgreSQL would refuse to be asked for it."""
    answer = client.get(path)
    assert (404, "not_found") == (answer.status_code, answer.json()["code"])


def test_a_method_that_is_not_taken_is_answered_with_those_that_are(client: TestClient) -> None:
    """The Allow header lists them all, though two handlers share the address."""
    assert {"GET", "POST"} <= set(client.delete("/videos").headers["allow"].split(", "))


def test_a_bug_tells_the_client_nothing_and_the_log_everything(
    services: Services, log: Log
) -> None:
    """500 with a request id; the traceback is in the log."""

    def broken(_: str) -> list[str]:
        raise RuntimeError("password=hunter2")

    with TestClient(create_app(replace(services, targets=broken))) as client:
        answer = client.get("/")
    assert (500, "internal_error") == (answer.status_code, answer.json()["code"])
    assert "hunter2" not in answer.text
    [line] = [line for line in log if line["log_level"] == "error"]
    log.remove(line)
    assert ("request failed", True) == (line["event"], line["exc_info"])


def test_a_browser_gets_a_page_instead(client: TestClient) -> None:
    """Whoever asks for HTML reads the same sentence as a page."""
    answer = client.get("/watch?v=nonsense", headers={"accept": "text/html,*/*;q=0.8"})
    assert (422, "text/html; charset=utf-8") == (
        answer.status_code,
        answer.headers["content-type"],
    )
    assert "This is not a video id" in answer.text


@pytest.mark.parametrize("given", ["a", "7f3a-b_c.d", "x" * 64])
def test_a_well_formed_request_id_is_kept(client: TestClient, given: str) -> None:
    """A caller can follow its own id through the log."""
    answer = client.get("/health", headers={"x-request-id": given})
    assert given == answer.headers["x-request-id"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\x1b[2J", "é"])
def test_any_other_request_id_is_replaced(client: TestClient, given: str) -> None:
    """What could forge a line never reaches the log."""
    answer = client.get("/health", headers={b"x-request-id": given.encode("latin-1")})
    assert given != answer.headers["x-request-id"]
    assert 16 == len(answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/", "/videos", "/nothing", "/static/style.css", "/health"])
def test_every_answer_tells_a_browser_what_not_to_do(client: TestClient, path: str) -> None:
    """Pages and documents, found or not."""
    headers = client.get(path).headers
    assert ("nosniff", "same-origin") == (
        headers["x-content-type-options"],
        headers["referrer-policy"],
    )
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_a_request_is_one_line_in_the_log(client: TestClient, log: Log) -> None:
    """Method, path without its query, status and time."""
    client.get("/videos?cursor=secret")
    [line] = [line for line in log if line["event"] == "request"]
    assert ("GET", "/videos", 422) == (line["method"], line["path"], line["status"])
    assert line["ms"] > 0


def test_a_database_with_too_much_to_do_puts_off(services: Services, log: Log) -> None:
    """503: what waits for it would get no connection in time."""

    def busy(_: str) -> list[str]:
        raise PoolTimeoutError("QueuePool limit of size 8 reached")

    with TestClient(create_app(replace(services, targets=busy))) as client:
        answer = client.get("/")
    assert (503, "storage_unavailable") == (answer.status_code, answer.json()["code"])
    assert "QueuePool" not in answer.text
    [line] = [line for line in log if line["log_level"] == "error"]
    log.remove(line)
    assert "QueuePool limit of size 8 reached" == line["detail"]
