"""ETags: 304 for what is known, 412 for what was changed meanwhile."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from api.contract.etags import etag_of, require_match
from dub_platform.core.errors import PreconditionRequiredError
from tests.support.rig.services import YOUTUBE, Services, release

CHANNEL = "UC0123456789012345678901"
DUB = f"/videos/{YOUTUBE}/dubs/es"


@pytest.fixture(autouse=True)
def released(services: Services) -> None:
    release(services, YOUTUBE, "es")
    services.registry.keep_channel(CHANNEL)


@pytest.mark.parametrize(
    "path",
    ["/videos", f"/videos/{YOUTUBE}", DUB, "/channels", f"/channels/{CHANNEL}", "/openapi.json"],
)
@pytest.mark.parametrize("sent", ["{}", "W/{}", '"other", {}', "*"])
def test_what_is_known_is_not_sent_again(client: TestClient, path: str, sent: str) -> None:
    """As one of several, as a weak one, and as any."""
    first = client.get(path)
    again = client.get(path, headers={"if-none-match": sent.format(first.headers["etag"])})
    assert (304, b"", first.headers["etag"]) == (
        again.status_code,
        again.content,
        again.headers["etag"],
    )


def test_what_changed_is_sent_with_another_tag(client: TestClient) -> None:
    """A dub that is asked for in another wording."""
    known = client.get(DUB).headers["etag"]
    client.put(DUB, json={"formality": "formal"})
    again = client.get(DUB, headers={"if-none-match": known})
    assert (200, "formal") == (again.status_code, again.json()["formality"])
    assert known != again.headers["etag"]


def test_a_dub_is_asked_for_by_who_has_read_it(client: TestClient) -> None:
    """The answer has the tag for the next time."""
    headers = {"if-match": client.get(DUB).headers["etag"]}
    answer = client.put(DUB, json={"formality": "formal"}, headers=headers)
    assert (202, client.get(DUB).headers["etag"]) == (answer.status_code, answer.headers["etag"])


def test_a_dub_that_was_changed_meanwhile_is_not_changed(client: TestClient) -> None:
    """Of two who read the same, the second is told, and nothing is written."""
    headers = {"if-match": client.get(DUB).headers["etag"]}
    client.put(DUB, json={"formality": "formal"}, headers=headers)
    answer = client.put(DUB, json={"formality": "informal"}, headers=headers)
    assert (412, "precondition_failed") == (answer.status_code, answer.json()["code"])
    now = client.get(DUB)
    assert {"etag": now.headers["etag"], **now.json()} == answer.json()["current"]
    assert "formal" == client.get(DUB).json()["formality"]


def test_a_weak_tag_is_not_enough_to_change_anything(client: TestClient) -> None:
    """It says that two answers mean about the same, which is not the same."""
    headers = {"if-match": "W/" + client.get(DUB).headers["etag"]}
    assert 412 == client.put(DUB, json={}, headers=headers).status_code


def test_a_tag_can_be_required() -> None:
    """428 for who changes without having read."""
    request = Request({"type": "http", "method": "PUT", "headers": []})
    require_match(request, etag_of(b"a"))
    with pytest.raises(PreconditionRequiredError):
        require_match(request, etag_of(b"a"), required=True)
