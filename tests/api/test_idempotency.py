"""Idempotency-Key: the first answer again, and what is no repetition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.desk import Desk
from dub_platform.core.errors import StorageError
from dub_platform.core.keys import key_of
from tests.api.conftest import Log
from tests.api.desks import YOUTUBE, serving
from tests.contracts.threads import at_once

KEY = {"idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
ORDER = {"source": YOUTUBE, "languages": ["es"]}


def form(data: bytes, *, boundary: str = "edge", languages: str = "es") -> Mapping[str, Any]:
    """A form as a client writes it, with a boundary of its choice."""
    content = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="languages"\r\n\r\n{languages}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    ).encode()
    headers = {**KEY, "content-type": f"multipart/form-data; boundary={boundary}"}
    return {"content": content + data + f"\r\n--{boundary}--\r\n".encode(), "headers": headers}


def test_the_same_request_is_answered_as_it_was(client: TestClient, desk: Desk) -> None:
    """Status, body and headers, even though the answer would be another by now."""
    first = client.post("/videos", json=ORDER, headers=KEY)
    again = client.post("/videos", json=ORDER, headers=KEY)
    assert (202, first.content) == (again.status_code, again.content)
    assert first.headers["location"] == again.headers["location"]
    assert ("true", None) == (
        again.headers.get("idempotent-replayed"),
        first.headers.get("idempotent-replayed"),
    )
    assert not client.post("/videos", json=ORDER).json()["created"]


def test_an_upload_is_known_by_its_content(client: TestClient, clip: Path) -> None:
    """A client that sends a form again writes another boundary."""
    first = client.post("/videos", **form(clip.read_bytes()))
    again = client.post("/videos", **form(clip.read_bytes(), boundary="otherwise"))
    assert (202, True) == (first.status_code, first.json()["created"])
    assert (first.content, "true") == (again.content, again.headers["idempotent-replayed"])


@pytest.mark.parametrize("other", [{"languages": "ca"}, {"data": b"another file"}])
def test_a_form_with_anything_else_in_it_is_another(
    client: TestClient, clip: Path, other: dict[str, Any]
) -> None:
    """Another field or another file."""
    client.post("/videos", **form(clip.read_bytes()))
    answer = client.post("/videos", **form(**{"data": clip.read_bytes(), **other}))
    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])


def test_the_key_of_another_request_is_refused(client: TestClient, desk: Desk) -> None:
    """And nothing of it is done."""
    client.post("/videos", json=ORDER, headers=KEY)
    answer = client.post("/videos", json={**ORDER, "languages": ["ca"]}, headers=KEY)
    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])
    assert ["es"] == [dub.language for dub in desk.registry.dubs(YOUTUBE)]


def test_a_refusal_is_kept_and_a_failure_is_not(desk: Desk, log: Log) -> None:
    """What the platform could not do, it does when it is asked again."""
    broken = [True]

    def targets(_: str) -> tuple[str, ...]:
        if broken.pop():
            raise StorageError("The registry is away.")
        return ("es",)

    with TestClient(create_app(replace(desk, targets=targets))) as client:
        failed = client.post("/videos", json=ORDER, headers=KEY)
        log[:] = [line for line in log if line["log_level"] != "error"]
        broken.append(False)
        answer = client.post("/videos", json=ORDER, headers=KEY)
        refused = [client.post("/videos", json={}, headers={"idempotency-key": "b"}) for _ in "12"]
    assert [503, 202] == [failed.status_code, answer.status_code]
    assert [422, 422] == [each.status_code for each in refused]
    assert refused[0].content == refused[1].content


def test_while_the_first_is_answered_the_second_is_told_to_wait(
    client: TestClient, desk: Desk
) -> None:
    """Also when the first one's process is another."""
    place = key_of(["default", KEY["idempotency-key"]])
    desk.first_answers.claim(place, "elsewhere", now=datetime.now(timezone.utc))
    answer = client.post("/videos", json=ORDER, headers=KEY)
    assert (409, "request_in_progress") == (answer.status_code, answer.json()["code"])
    desk.first_answers.give_back(place, "elsewhere")
    assert 202 == client.post("/videos", json=ORDER, headers=KEY).status_code


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(client: TestClient, key: str) -> None:
    """With what one is."""
    headers = {b"idempotency-key": key.encode("latin-1")}
    answer = client.post("/videos", json=ORDER, headers=headers)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])


def test_two_processes_share_the_answers(desk: Desk) -> None:
    """Twenty requests over two servers: one video is new, and whoever is answered reads that."""
    with serving(desk) as one, serving(desk) as two:
        posts = [partial(httpx.post, f"{url}/videos", json=ORDER) for url in 10 * (one, two)]
        answers = at_once([partial(post, headers=KEY, timeout=60) for post in posts])
    assert {202, 409} >= {each.status_code for each in answers}
    assert {True} == {each.json()["created"] for each in answers if each.status_code == 202}
