"""Webhooks, from the request that makes one to the message at its receiver."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from api.app import create_app
from api.background import webhook_delivery as courier
from dub_platform.core.service.webhooks import Receivers
from tests.api.conftest import Log
from tests.docs.documents import section
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.services import YOUTUBE, Services, make_services, serving
from tests.support.servers.receivers import Receiver, receiving

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PAUSE_SECONDS", 0.02)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def open_services(tmp_path: Path, receiver: Receiver) -> Services:
    """Services that may send to the receiver."""
    return make_services(tmp_path, receivers=Receivers.parse(receiver.place))


@pytest.fixture
def api(open_services: Services) -> Iterator[httpx.Client]:
    with serving(open_services) as url, httpx.Client(base_url=url, timeout=HANG_SECONDS) as api:
        yield api


def made(api: httpx.Client, url: str, **order: Any) -> dict[str, Any]:
    answer = api.post("/webhooks", json={"url": url, **order})
    assert 201 == answer.status_code
    body: dict[str, Any] = answer.json()
    return body


def hand_in(api: httpx.Client) -> None:
    order = {"source": YOUTUBE, "languages": ["es"]}
    assert 202 == api.post("/videos", json=order).status_code


def awaited(api: httpx.Client, webhook: dict[str, Any], state: str) -> dict[str, Any]:
    """The newest message to the webhook, as soon as it is in this state."""
    listing = f"/webhooks/{webhook['id']}/deliveries"
    found: list[dict[str, Any]] = []

    def listed() -> list[dict[str, Any]]:
        found[:] = api.get(listing, params={"state": state}).json()["deliveries"]
        return found

    wait_until(listed)
    return found[0]


def test_a_receiver_is_told_what_happens(api: httpx.Client, receiver: Receiver) -> None:
    """In messages that the standard's own library takes for genuine."""
    webhook = made(api, receiver.url)
    hand_in(api)
    got = receiver.await_messages(2)
    told = [Webhook(webhook["secret"]).verify(each.body, each.headers) for each in got]
    assert ["dub.queued", "video.queued"] == sorted(each["type"] for each in told)
    assert {YOUTUBE} == {each["data"]["video_id"] for each in told}
    assert {"application/json"} == {each.headers["content-type"] for each in got}


def test_the_documented_check_takes_what_is_genuine_and_nothing_else(
    api: httpx.Client, receiver: Receiver
) -> None:
    """It is run as it stands in the document."""
    is_genuine = documented()
    webhook = made(api, receiver.url)
    api.post(f"/webhooks/{webhook['id']}/test")
    [got] = receiver.await_messages(1)
    secret, headers = webhook["secret"], got.headers
    assert is_genuine(secret, headers, got.body)
    assert not is_genuine(secret, headers, got.body + b" ")
    assert not is_genuine(SECRET, headers, got.body)
    late = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}
    assert not is_genuine(secret, late, got.body)
    assert not is_genuine(secret, {**headers, "webhook-id": "msg_other"}, got.body)


def documented() -> Callable[[str, dict[str, str], bytes], bool]:
    """`is_genuine` from the document."""
    [code] = re.findall(
        r"```python\n(.*?)```", section("docs/guides/events.md", "Webhooks"), re.DOTALL
    )
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    check: Callable[[str, dict[str, str], bytes], bool] = namespace["is_genuine"]
    return check


def test_a_secret_is_shown_once(api: httpx.Client, receiver: Receiver) -> None:
    """To whoever makes the webhook, one of their own too."""
    webhook = made(api, receiver.url, secret=SECRET)
    assert SECRET == webhook.pop("secret")
    assert webhook == api.get(f"/webhooks/{webhook['id']}").json()
    assert [webhook] == api.get("/webhooks").json()["webhooks"]


def test_only_events_that_are_wanted_are_told(api: httpx.Client, receiver: Receiver) -> None:
    """The others make no message."""
    webhook = made(api, receiver.url, events=["dub.queued"])
    hand_in(api)
    told = json.loads(awaited(api, webhook, "delivered")["body"])
    assert "dub.queued" == told["type"]
    listing = f"/webhooks/{webhook['id']}/deliveries"
    assert 1 == len(api.get(listing).json()["deliveries"])


def test_a_message_that_is_not_taken_is_tried_again(
    api: httpx.Client, open_services: Services, receiver: Receiver
) -> None:
    """The same message, signed anew; what went wrong is shown."""
    receiver.answers = [503]
    webhook = made(api, receiver.url)
    api.post(f"/webhooks/{webhook['id']}/test")
    receiver.await_messages(1)
    wait_until(lambda: awaited(api, webhook, "pending").get("last_status"))
    tried = awaited(api, webhook, "pending")
    assert (1, 503, "it answered 503") == (
        tried["attempts"],
        tried["last_status"],
        tried["last_error"],
    )
    assert tried["created_at"] < tried["next_attempt_at"]


def test_what_was_given_up_is_listed_and_can_be_sent_anew(
    api: httpx.Client, receiver: Receiver
) -> None:
    """Under the same id, so that a receiver can tell that it had it before."""
    receiver.answers = [410, 204]
    webhook = made(api, receiver.url)
    api.post(f"/webhooks/{webhook['id']}/test")
    dead = awaited(api, webhook, "dead")
    assert ("it answered 410", 1) == (dead["last_error"], dead["attempts"])
    again = f"/webhooks/{webhook['id']}/deliveries/{dead['id']}/redeliver"
    assert 202 == api.post(again).status_code
    taken = awaited(api, webhook, "delivered")
    assert (dead["id"], 204) == (taken["id"], taken["last_status"])
    assert [dead["id"]] * 2 == [got.headers["webhook-id"] for got in receiver.await_messages(2)]


def test_a_slow_receiver_holds_up_no_other(tmp_path: Path, receiver: Receiver) -> None:
    """Others get theirs while it has not answered a single one."""
    with contextlib.ExitStack() as exits:
        slow = exits.enter_context(receiving())
        slow.hold.clear()
        services = make_services(
            tmp_path, receivers=Receivers.parse(f"{receiver.place},{slow.place}")
        )
        url = exits.enter_context(serving(services))
        api = exits.enter_context(httpx.Client(base_url=url, timeout=HANG_SECONDS))
        held, quick = made(api, slow.url), made(api, receiver.url)
        for _ in range(3):
            api.post(f"/webhooks/{held['id']}/test")
            api.post(f"/webhooks/{quick['id']}/test")
        receiver.await_messages(3)
        assert "pending" == awaited(api, held, "pending")["state"]
        slow.hold.set()
        awaited(api, held, "delivered")


def test_what_was_not_sent_is_sent_after_a_restart(
    open_services: Services, receiver: Receiver
) -> None:
    """By whichever process is there."""
    webhook = open_services.webhooks.add(receiver.url, (), SECRET)
    open_services.webhooks.test(webhook.id)
    with TestClient(create_app(open_services)):
        [got] = receiver.await_messages(1)
    assert "webhook.test" == Webhook(SECRET).verify(got.body, got.headers)["type"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"url": "http://example.com/"}, "webhook_url_refused"),
        ({"url": "https://u:p@example.com/"}, "webhook_url_refused"),
        ({"url": "https://example.com/", "events": ["dub.eaten"]}, "request_invalid"),
        ({"url": "https://example.com/", "secret": "whsec_c2hvcnQ="}, "request_invalid"),
        ({"url": "https://example.com/", "colour": "red"}, "request_invalid"),
        ({}, "request_invalid"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(
    client: TestClient, order: dict[str, Any], code: str
) -> None:
    """With a sentence, and nothing is kept."""
    answer = client.post("/webhooks", json=order)
    assert (422, code) == (answer.status_code, answer.json()["code"])
    assert [] == client.get("/webhooks").json()["webhooks"]


def test_a_secret_is_neither_logged_nor_told(client: TestClient, log: Log) -> None:
    """Not of a webhook that is refused either."""
    order = {"url": "https://example.invalid/", "secret": SECRET}
    webhook = client.post("/webhooks", json=order).json()
    refused = client.post("/webhooks", json={**order, "url": "http://x/", "events": [SECRET]})
    tested = client.post(f"/webhooks/{webhook['id']}/test")
    assert SECRET not in tested.text + str(log)
    assert SECRET not in refused.text


def test_a_deleted_webhook_is_gone(client: TestClient) -> None:
    """With its messages; deleting it once more says so."""
    webhook = client.post("/webhooks", json={"url": "https://example.invalid/"}).json()
    own = f"/webhooks/{webhook['id']}"
    assert [204, 404] == [client.delete(own).status_code for _ in range(2)]
    assert "webhook_not_found" == client.get(f"{own}/deliveries").json()["code"]
    assert "webhook_not_found" == client.post(f"{own}/test").json()["code"]


def test_webhooks_come_in_pages(client: TestClient, services: Services) -> None:
    """Following next_url meets each of the tenant's once, and nobody else's."""
    order = {"url": "https://example.invalid/"}
    ids = [client.post("/webhooks", json=order).json()["id"] for _ in range(5)]
    services.webhooks.of("globex").add(order["url"], (), SECRET)
    seen, url = [], "/webhooks?limit=2"
    while url:
        page = client.get(url).json()
        assert len(page["webhooks"]) <= 2
        seen += [each["id"] for each in page["webhooks"]]
        url = page.get("next_url", "").removeprefix("http://dub.test")
        assert url == (f"/webhooks?cursor={page['next_cursor']}&limit=2" if url else "")
    assert sorted(ids) == seen


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=%00"])
def test_a_page_of_webhooks_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    """A limit or a cursor that means nothing is told."""
    assert 422 == client.get(f"/webhooks?{query}").status_code


def test_messages_are_listed_page_by_page(client: TestClient) -> None:
    """`next_url` leads on, until there is no more."""
    webhook = client.post("/webhooks", json={"url": "https://example.invalid/"}).json()
    own = f"/webhooks/{webhook['id']}"
    sent = [client.post(f"{own}/test").json()["id"] for _ in range(3)]
    page = client.get(f"{own}/deliveries?limit=2").json()
    rest = client.get(page["next_url"].removeprefix("http://dub.test")).json()
    listed = [each["id"] for each in (*page["deliveries"], *rest["deliveries"])]
    assert (sorted(sent, reverse=True), False) == (listed, "next_url" in rest)
