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
from sqlalchemy import create_engine, select
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import StorageError
from dub_platform.core.keys import key_of
from dub_platform.core.service.access import Scope
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.database.tables import first_answers
from tests.api.conftest import Log
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services, make_services, serving

KEY = {"idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
ORDER = {"source": YOUTUBE, "languages": ["es"]}
HOOK = {"url": "https://example.com/hook"}
shows_secret = pytest.mark.parametrize(
    ("path", "order", "secret"), [("/keys", {"name": "one"}, "key"), ("/webhooks", HOOK, "secret")]
)


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def guarded(tmp_path: Path, keys: ApiKeys) -> TestClient:
    """A client where keys are asked for."""
    return TestClient(create_app(make_services(tmp_path, keys=keys)))


def known(keys: ApiKeys) -> dict[str, str]:
    """The headers of a new key that may do everything, with the Idempotency-Key."""
    _, token = keys.make(tenant="acme", scopes=set(Scope))
    return {**KEY, "authorization": f"Bearer {token.text}"}


def form(data: bytes, *, boundary: str = "edge", languages: str = "es") -> Mapping[str, Any]:
    """A form as a client writes it, with a boundary of its choice."""
    content = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="languages"\r\n\r\n{languages}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    ).encode()
    headers = {**KEY, "content-type": f"multipart/form-data; boundary={boundary}"}
    return {"content": content + data + f"\r\n--{boundary}--\r\n".encode(), "headers": headers}


def test_the_same_request_is_answered_as_it_was(client: TestClient, services: Services) -> None:
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


def test_the_key_of_another_request_is_refused(client: TestClient, services: Services) -> None:
    """And nothing of it is done."""
    client.post("/videos", json=ORDER, headers=KEY)
    answer = client.post("/videos", json={**ORDER, "languages": ["ca"]}, headers=KEY)
    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])
    assert ["es"] == [dub.language for dub in services.registry.dubs(YOUTUBE)]


def test_a_refusal_is_kept_and_a_failure_is_not(services: Services, log: Log) -> None:
    """What the platform could not do, it does when it is asked again."""
    broken = [True]

    def targets(_: str) -> tuple[str, ...]:
        if broken.pop():
            raise StorageError("The registry is away.")
        return ("es",)

    with TestClient(create_app(replace(services, targets=targets))) as client:
        failed = client.post("/videos", json=ORDER, headers=KEY)
        log[:] = [line for line in log if line["log_level"] != "error"]
        broken.append(False)
        answer = client.post("/videos", json=ORDER, headers=KEY)
        refused = [client.post("/videos", json={}, headers={"idempotency-key": "b"}) for _ in "12"]
    assert [503, 202] == [failed.status_code, answer.status_code]
    assert [422, 422] == [each.status_code for each in refused]
    assert refused[0].content == refused[1].content


def test_while_the_first_is_answered_the_second_is_told_to_wait(
    client: TestClient, services: Services
) -> None:
    """Also when the first one's process is another."""
    place = key_of(["default", KEY["idempotency-key"]])
    services.first_answers.claim(place, "elsewhere", now=datetime.now(timezone.utc))
    answer = client.post("/videos", json=ORDER, headers=KEY)
    assert (409, "request_in_progress") == (answer.status_code, answer.json()["code"])
    services.first_answers.give_back(place, "elsewhere")
    assert 202 == client.post("/videos", json=ORDER, headers=KEY).status_code


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(client: TestClient, key: str) -> None:
    """With what one is."""
    headers = {b"idempotency-key": key.encode("latin-1")}
    answer = client.post("/videos", json=ORDER, headers=headers)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])


@shows_secret
def test_a_secret_is_shown_again_to_who_asked_for_it(
    guarded: TestClient, keys: ApiKeys, path: str, order: dict[str, Any], secret: str
) -> None:
    """Nothing is made twice, and with another body it is refused."""
    asker = known(keys)
    first, again = (guarded.post(path, json=order, headers=asker) for _ in "12")
    assert (201, 201, first.content) == (first.status_code, again.status_code, again.content)
    assert "true" == again.headers["idempotent-replayed"]
    assert "no-store" == first.headers["cache-control"] == again.headers["cache-control"]
    other = guarded.post(path, json={**order, secret: "x"}, headers=asker)
    assert (422, "idempotency_key_reused") == (other.status_code, other.json()["code"])
    made = [first.json()["id"]]
    listed = guarded.get(path, headers=asker).json()[path[1:]]
    assert made == [each["id"] for each in listed if each["id"] not in asker["authorization"]]


@shows_secret
def test_a_secret_cannot_be_read_from_what_is_kept(
    guarded: TestClient,
    keys: ApiKeys,
    tmp_path: Path,
    path: str,
    order: dict[str, Any],
    secret: str,
) -> None:
    """Nothing of the answer's body stands in the row."""
    shown = guarded.post(path, json=order, headers=known(keys)).json()
    with create_engine(f"sqlite:///{tmp_path / 'registry.sqlite'}").connect() as connection:
        row = connection.execute(select(first_answers)).one()
    assert 201 == row.status
    assert not any(shown[name].encode() in row.body for name in ("id", secret))


@shows_secret
def test_a_secret_is_not_shown_to_another_key_of_the_tenant(
    guarded: TestClient, keys: ApiKeys, path: str, order: dict[str, Any], secret: str
) -> None:
    """Whoever finds out an Idempotency-Key learns nothing by it."""
    shown = guarded.post(path, json=order, headers=known(keys)).json()
    answer = guarded.post(path, json=order, headers=known(keys))
    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])
    assert shown[secret] not in answer.text


def test_a_webhook_is_made_once_where_nobody_needs_a_key(client: TestClient) -> None:
    """The Idempotency-Key alone opens its answer."""
    first, again = (client.post("/webhooks", json=HOOK, headers=KEY) for _ in "12")
    assert (201, first.content) == (again.status_code, again.content)
    assert 1 == len(client.get("/webhooks").json()["webhooks"])


def test_two_processes_share_the_answers(services: Services) -> None:
    """Twenty requests over two servers: one video is new, and whoever is answered reads that."""
    with serving(services) as one, serving(services) as two:
        posts = [partial(httpx.post, f"{url}/videos", json=ORDER) for url in 10 * (one, two)]
        answers = at_once([partial(post, headers=KEY, timeout=HANG_SECONDS) for post in posts])
    assert {202, 409} >= {each.status_code for each in answers}
    assert {True} == {each.json()["created"] for each in answers if each.status_code == 202}
