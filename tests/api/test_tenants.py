"""Tenants at one API: what each is told, repeats and removes is its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dub_platform.core.service.access import Scope
from dub_platform.registry.api_keys import ApiKeys
from tests.support.rig.services import Services, make_services, prepare

ORDER = {"source": "dQw4w9WgXcQ", "languages": ["es"]}
HOOK = {"url": "https://example.com/hook"}
Header = Callable[[str], dict[str, str]]


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def services(tmp_path: Path, keys: ApiKeys) -> Services:
    return make_services(tmp_path, keys=keys)


@pytest.fixture
def header(keys: ApiKeys) -> Header:
    """That of a new key of a tenant, which may do everything."""

    def made(tenant: str) -> dict[str, str]:
        _, token = keys.make(tenant=tenant, scopes=set(Scope))
        return {"authorization": f"Bearer {token.text}"}

    return made


def test_each_has_idempotency_keys_of_its_own(client: TestClient, header: Header) -> None:
    """Nobody reads what another tenant was answered; another key of the same tenant does."""
    once = {"idempotency-key": "a"}
    told = [
        client.post("/videos", json=ORDER, headers={**header(tenant), **once})
        for tenant in ("acme", "globex", "acme")
    ]
    assert [None, None, "true"] == [each.headers.get("idempotent-replayed") for each in told]
    assert told[0].json()["id"] == told[2].json()["id"] != told[1].json()["id"]


def test_webhooks_hear_of_their_tenants_videos(
    client: TestClient, services: Services, header: Header
) -> None:
    """From when they are handed in until they are removed, and of no others."""
    acme, globex = header("acme"), header("globex")
    hook = client.post("/webhooks", json=HOOK, headers=acme).json()["id"]
    for tenant in (acme, globex):
        video = client.post("/videos", json=ORDER, headers=tenant).json()["id"]
        prepare(services, video)
        client.delete(f"/videos/{video}", headers=tenant)
    heard = client.get(f"/webhooks/{hook}/deliveries", headers=acme).json()["deliveries"]
    assert ["video.removed", "video.prepared", "dub.queued", "video.queued"] == [
        each["type"] for each in heard
    ]


def test_another_tenants_webhook_is_not_there(client: TestClient, header: Header) -> None:
    """At none of its addresses, and not in the list; who made it still has it."""
    acme, globex = header("acme"), header("globex")
    hook = client.post("/webhooks", json=HOOK, headers=acme).json()["id"]
    sent = client.post(f"/webhooks/{hook}/test", headers=acme).json()["id"]
    own = f"/webhooks/{hook}"
    for method, path in (
        ("GET", own),
        ("DELETE", own),
        ("POST", f"{own}/test"),
        ("GET", f"{own}/deliveries"),
        ("GET", f"{own}/deliveries/{sent}"),
        ("POST", f"{own}/deliveries/{sent}/redeliver"),
    ):
        answer = client.request(method, path, headers=globex)
        assert (404, "webhook_not_found") == (answer.status_code, answer.json()["code"])
    assert [[], [hook]] == [
        [each["id"] for each in client.get("/webhooks", headers=tenant).json()["webhooks"]]
        for tenant in (globex, acme)
    ]
    assert [sent] == [
        each["id"] for each in client.get(f"{own}/deliveries", headers=acme).json()["deliveries"]
    ]


def test_a_removal_leaves_another_tenants_copy(
    client: TestClient, services: Services, header: Header, clip: Path
) -> None:
    """The same file: its row, its dubs, what is kept of it, and that it can be handed in."""
    acme, globex = header("acme"), header("globex")

    def hand_in(tenant: dict[str, str]) -> str:
        files, data = {"file": ("a.mp4", clip.read_bytes())}, {"languages": "es"}
        return str(client.post("/videos", headers=tenant, files=files, data=data).json()["id"])

    removed, stays = hand_in(acme), hand_in(globex)
    assert 204 == client.delete(f"/videos/{removed}", headers=acme).status_code
    assert [removed] == services.registry.removals(limit=9)
    shown = client.get(f"/videos/{stays}", headers=globex)
    assert ["es"] == [dub["language"] for dub in shown.json()["dubs"]]
    assert services.store.exists(f"videos/{stays}/upload.media")
    assert stays == hand_in(globex)
