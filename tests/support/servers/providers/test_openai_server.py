"""The server itself: it takes what is documented and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.patience import HANG_SECONDS
from tests.support.servers.providers.openai_server import (
    Fault,
    OpenAIServer,
    random_faults,
    render,
)

MATERIAL = '{"into": "Spanish (es)", "glossary": [], "lines": [{"id": 1, "text": "The house"}]}'
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"lines": {"type": "array", "items": {"type": "string"}}},
    "required": ["lines"],
    "additionalProperties": False,
}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """One without faults."""
    with OpenAIServer() as started:
        yield started


def format_of(**changes: Any) -> dict[str, Any]:
    """The response format of a right request, with changes."""
    given = {"name": "answer", "strict": True, "schema": SCHEMA, **changes}
    return {"type": "json_schema", "json_schema": given}


def body(**changes: Any) -> dict[str, Any]:
    """A right request, with changes."""
    messages = [{"role": "user", "content": MATERIAL}]
    return {
        "model": "gpt-5.4-mini",
        "messages": messages,
        "response_format": format_of(),
        **changes,
    }


def post(server: OpenAIServer, sent: Any, path: str = "/chat/completions") -> httpx.Response:
    """The answer to this body."""
    key = {"authorization": f"Bearer {server.api_key}"}
    return httpx.post(f"{server.base_url}{path}", json=sent, headers=key, timeout=HANG_SECONDS)


def test_a_right_request_is_answered_and_noted(server: OpenAIServer) -> None:
    """With the documented fields, a request id and the tokens."""
    answer = post(server, body())
    assert 200 == answer.status_code
    completion = answer.json()
    assert (
        '{"lines": [{"id": 1, "text": "La casa"}]}'
        == (completion["choices"][0]["message"]["content"])
    )
    (asked,) = server.asked
    assert (asked.request_id, (1,)) == (answer.headers["x-request-id"], asked.ids)
    used = completion["usage"]
    assert asked.tokens == (used["prompt_tokens"], used["completion_tokens"])


@pytest.mark.parametrize(
    "changes",
    [
        {"model": ""},
        {"messages": []},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"max_tokenz": 5},
        {"response_format": {"type": "json_object"}},
        {"response_format": format_of(strict=False)},
        {"response_format": format_of(name="my answer")},
        {"response_format": format_of(schema={"type": "array", "items": SCHEMA})},
        {"response_format": format_of(schema={**SCHEMA, "additionalProperties": True})},
        {"response_format": format_of(schema={**SCHEMA, "required": []})},
        {"response_format": format_of(schema={**SCHEMA, "uniqueItems": True})},
    ],
)
def test_what_is_not_documented_is_refused(server: OpenAIServer, changes: dict[str, Any]) -> None:
    """A request that OpenAI would not take does not pass here."""
    answer = post(server, body(**changes))
    assert (400, "invalid_request_error") == (
        answer.status_code,
        answer.json()["error"]["type"],
    )
    assert () == server.asked


def test_other_paths_and_keys_are_refused(server: OpenAIServer) -> None:
    """As the API says it."""
    assert 404 == post(server, body(), path="/completions").status_code
    address = f"{server.base_url}/chat/completions"
    answer = httpx.post(
        address, json=body(), headers={"authorization": "Bearer sk-wrong"}, timeout=HANG_SECONDS
    )
    assert (401, "invalid_api_key") == (answer.status_code, answer.json()["error"]["code"])


def test_a_script_is_followed_and_then_all_is_well(server: OpenAIServer) -> None:
    """In the order of the requests."""
    server.script(Fault.BUSY_A_SECOND, None, Fault.GATEWAY)
    answers = [post(server, body()) for _ in range(4)]
    assert [429, 200, 502, 200] == [answer.status_code for answer in answers]
    assert "1" == answers[0].headers["retry-after"]


def test_random_faults_are_the_same_for_a_seed() -> None:
    """About as many as the rate says."""
    drawn = [list(itertools.islice(random_faults(7, 0.2, Fault), 1000)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert 150 < sum(fault is not None for fault in drawn[0]) < 250


def test_words_keep_their_capitals() -> None:
    """And what the model does not know stays as it is."""
    assert "La casa, la zzyzx." == render("The house, the zzyzx.", "es")
