"""Managing keys over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dub_platform.core.service.access import Scope
from dub_platform.registry.api_keys import ApiKeys
from tests.support.rig.services import Services, make_services


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def services(tmp_path: Path, keys: ApiKeys) -> Services:
    return make_services(tmp_path, keys=keys)


@pytest.fixture
def admin(services: Services) -> dict[str, str]:
    """The header of acme's administrator."""
    assert services.keys
    _, token = services.keys.make(tenant="acme", scopes={Scope.ADMIN}, name="admin")
    return {"authorization": f"Bearer {token.text}"}


def made(client: TestClient, admin: dict[str, str], **order: object) -> dict[str, Any]:
    answer = client.post("/keys", headers=admin, json=order)
    assert (201, "no-store") == (answer.status_code, answer.headers["cache-control"])
    return dict(answer.json())


def test_a_key_is_shown_once_and_opens(client: TestClient, admin: dict[str, str]) -> None:
    """For its tenant and with its scopes; the listing has it without its secret."""
    key = made(client, admin, name="import", scopes=["write", "read"])
    assert ("acme", ["read", "write"]) == (key["tenant"], key["scopes"])
    opened = client.get("/videos", headers={"authorization": f"Bearer {key['key']}"})
    assert 200 == opened.status_code
    listed = client.get("/keys", headers=admin)
    assert ["import", "admin"] == [each["name"] for each in listed.json()["keys"]]
    assert key["key"].rpartition("_")[2] not in listed.text
    assert listed.json()["keys"][0]["last_used_at"]


def test_keys_that_are_good_are_counted(
    client: TestClient, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was revoked makes room for another."""
    monkeypatch.setattr("dub_platform.registry.api_keys.MOST_KEYS", 2)
    key = made(client, admin)
    refused = client.post("/keys", headers=admin, json={})
    assert (422, "request_invalid") == (refused.status_code, refused.json()["code"])
    client.delete(f"/keys/{key['id']}", headers=admin)
    made(client, admin)


def test_a_key_that_was_revoked_opens_nothing(client: TestClient, admin: dict[str, str]) -> None:
    """It stays in the listing, with when."""
    key = made(client, admin)
    assert 204 == client.delete(f"/keys/{key['id']}", headers=admin).status_code
    header = {"authorization": f"Bearer {key['key']}"}
    assert 401 == client.get("/videos", headers=header).status_code
    assert client.get("/keys", headers=admin).json()["keys"][0]["revoked_at"]


def test_another_tenants_key_is_not_there(
    client: TestClient, admin: dict[str, str], keys: ApiKeys
) -> None:
    """Neither to see nor to revoke."""
    theirs, _ = keys.make(tenant="globex", scopes={Scope.READ})
    answer = client.delete(f"/keys/{theirs.id}", headers=admin)
    assert (404, "key_not_found") == (answer.status_code, answer.json()["code"])
    assert theirs.id not in client.get("/keys", headers=admin).text


def test_keys_come_in_pages(client: TestClient, admin: dict[str, str], keys: ApiKeys) -> None:
    """Following next_url meets each of the tenant's once, the newest first, and nobody else's."""
    ids = []
    for name in "abcd":
        ids.append(made(client, admin, name=name)["id"])
        keys.make(tenant="globex", scopes={Scope.READ})
    seen, url = [], "/keys?limit=2"
    while url:
        page = client.get(url, headers=admin).json()
        assert len(page["keys"]) <= 2
        seen += [each["id"] for each in page["keys"]]
        url = page.get("next_url", "").removeprefix("http://dub.test")
        assert url == (f"/keys?cursor={page['next_cursor']}&limit=2" if url else "")
    assert [*reversed(ids), admin["authorization"].split("_")[1]] == seen


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=nobody", "cursor=%00"])
def test_a_page_that_cannot_be_is_refused(
    client: TestClient, admin: dict[str, str], query: str
) -> None:
    """A limit or a cursor that means nothing is told."""
    answer = client.get(f"/keys?{query}", headers=admin)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])


def test_another_tenants_key_leads_nowhere(
    client: TestClient, admin: dict[str, str], keys: ApiKeys
) -> None:
    """It is refused in the words for one that was never made."""
    theirs, _ = keys.make(tenant="globex", scopes={Scope.READ})
    told = [client.get(f"/keys?cursor={at}", headers=admin) for at in (theirs.id, "nobody")]
    assert [422, 422] == [each.status_code for each in told]
    assert told[0].json()["detail"] == told[1].json()["detail"]


@pytest.mark.parametrize(
    "order",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"tenant": "globex"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2999-01-01T00:00:00"},
        {"name": "x" * 101},
    ],
)
def test_a_key_that_cannot_be_is_refused(
    client: TestClient, admin: dict[str, str], order: dict[str, Any]
) -> None:
    """No scope, an unknown one, another tenant, a moment that has passed or has no zone."""
    answer = client.post("/keys", headers=admin, json=order)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])
