"""DELETE of a video, or of one dub: gone at once for whoever asks or watches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.core.errors import StorageUnavailableError
from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.registry.api_keys import ApiKeys
from resources.store.local import LocalStore
from tests.api.test_bad_input import link, upload
from tests.support.rig.services import YOUTUBE, Services, release

ADDRESSES = (
    f"/videos/{YOUTUBE}",
    f"/videos/{YOUTUBE}/dubs/es",
    f"/watch?v={YOUTUBE}",
)


def test_what_is_removed_is_found_by_nobody(client: TestClient, services: Services) -> None:
    """Neither its rows, nor its page, nor what was released of it."""
    track = f"/media/{release(services, YOUTUBE, 'es').track_key}"
    assert [200] * 4 == [client.get(path).status_code for path in (*ADDRESSES, track)]
    answer = client.delete(f"/videos/{YOUTUBE}")
    assert (204, b"") == (answer.status_code, answer.content)
    assert [404] * 4 == [client.get(path).status_code for path in (*ADDRESSES, track)]
    assert [] == client.get("/videos").json()["videos"]


@pytest.mark.parametrize(
    ("video_id", "status", "code"),
    [(YOUTUBE, 404, "video_not_found"), ("nonsense", 422, "video_id_invalid")],
)
def test_what_is_not_there_cannot_be_removed(
    client: TestClient, video_id: str, status: int, code: str
) -> None:
    """Nor what never could be."""
    answer = client.delete(f"/videos/{video_id}")
    assert (status, code) == (answer.status_code, answer.json()["code"])


def test_it_is_handed_in_again_once_it_is_gone(client: TestClient, services: Services) -> None:
    """While it is not, who asks is told to come back."""
    client.post("/videos", **link())
    client.delete(f"/videos/{YOUTUBE}")
    waits = client.post("/videos", **link())
    assert (409, "video_being_removed") == (waits.status_code, waits.json()["code"])
    services.registry.finish_removal(YOUTUBE)
    again = client.post("/videos", **link())
    assert (202, True) == (again.status_code, again.json()["created"])


def with_store_away(services: Services) -> Services:
    """Make services whose store deletes nothing, because it does not answer."""

    class Away(LocalStore):
        def delete(self, key: str) -> None:
            raise StorageUnavailableError("The store does not answer.")

    assert isinstance(services.store, LocalStore)
    return replace(services, store=Away(services.store.root, services.store.base_url))


def test_a_store_that_is_away_keeps_nobody_from_removing(services: Services) -> None:
    """The rows are gone, and the rest is somebody else's work."""
    release(services, YOUTUBE, "es")

    with TestClient(create_app(with_store_away(services))) as client:
        assert 204 == client.delete(f"/videos/{YOUTUBE}").status_code
    assert [YOUTUBE] == list(services.registry.removals(limit=9))


def test_an_upload_that_a_removal_took_along_is_put_again(services: Services, clip: Path) -> None:
    """The removal of the same video ended between its files and its rows."""
    file = upload(("clip.mp4", clip.read_bytes()))
    accept = services.registry.accept

    class Removing(type(services.registry)):  # type: ignore[misc]
        def accept(self, *asked: Any) -> object:
            for kept in list(services.store.keys("videos/")):
                services.store.delete(kept.key)
            return accept(*asked)

    removing = Removing(services.registry._engine)
    with TestClient(
        create_app(replace(services, registry=removing, tenants=removing.of))
    ) as client:
        video_id = client.post("/videos", **file).json()["id"]
    assert services.store.exists(f"videos/{video_id}/upload.media")


DUB = f"/videos/{YOUTUBE}/dubs/es"


def test_of_a_video_one_dub_is_removed(client: TestClient, services: Services) -> None:
    """With what was released of it, and the film that it was in; the others are watched."""
    tracks = {code: f"/media/{release(services, YOUTUBE, code).track_key}" for code in ("es", "ca")}
    film = f"/media/{services.registry.video(YOUTUBE).film_key}"
    answer = client.delete(DUB)
    assert (204, b"") == (answer.status_code, answer.content)
    gone = client.get(DUB)
    assert (404, "dub_not_found") == (gone.status_code, gone.json()["code"])
    assert [404, 404, 200] == [
        client.get(path).status_code for path in (tracks["es"], film, tracks["ca"])
    ]
    video = client.get(f"/videos/{YOUTUBE}").json()
    assert (["ca"], ["ca"]) == (
        [dub["language"] for dub in video["dubs"]],
        [*video["links"]["dubs"]],
    )
    assert ["ca"] == [dub["language"] for dub in client.get("/videos").json()["videos"][0]["dubs"]]
    assert 200 == client.get(f"/watch?v={YOUTUBE}&lang=ca").status_code
    assert "Nobody asked for" in client.get(f"/watch?v={YOUTUBE}&lang=es").text


def test_a_removed_dub_is_asked_for_again(client: TestClient, services: Services) -> None:
    """As one that never was; and to remove it twice changes nothing."""
    release(services, YOUTUBE, "es")
    assert [204, 204] == [client.delete(DUB).status_code for _ in range(2)]
    again = client.put(DUB)
    assert (202, "queued", 2) == (
        again.status_code,
        again.json()["status"],
        again.json()["generation"],
    )
    assert "track_url" not in again.json()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/videos/{YOUTUBE}/dubs/ca", 404, "dub_not_found"),
        ("/videos/aaaaaaaaaaa/dubs/es", 404, "video_not_found"),
        (f"/videos/{YOUTUBE}/dubs/xx", 422, "language_unknown"),
        ("/videos/nonsense/dubs/es", 422, "video_id_invalid"),
    ],
)
def test_a_dub_that_is_not_there_cannot_be_removed(
    client: TestClient, services: Services, path: str, status: int, code: str
) -> None:
    """What nobody ever asked for is told from what was removed."""
    release(services, YOUTUBE, "es")
    answer = client.delete(path)
    assert (status, code) == (answer.status_code, answer.json()["code"])


def test_nobody_removes_a_dub_of_another_tenant(services: Services, tmp_path: Path) -> None:
    """Nor with a key that only reads; what it is of stays."""
    release(services, YOUTUBE, "es")
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    app = create_app(replace(services, keys=keys))
    refusals = {
        ("acme", Scope.WRITE): (404, "video_not_found"),
        (DEFAULT_TENANT, Scope.READ): (403, "scope_missing"),
    }
    for (tenant, scope), refusal in refusals.items():
        _, token = keys.make(tenant=tenant, scopes={scope})
        answer = TestClient(app, headers={"authorization": f"Bearer {token.text}"}).delete(DUB)
        assert refusal == (answer.status_code, answer.json()["code"])
    assert services.registry.dub(YOUTUBE, "es").release


def test_a_store_that_is_away_keeps_nobody_from_removing_a_dub(services: Services) -> None:
    """What is left is somebody else's work, as of a whole video."""
    release(services, YOUTUBE, "es")

    with TestClient(create_app(with_store_away(services))) as client:
        assert 204 == client.delete(DUB).status_code
    assert [(YOUTUBE, "es")] == list(services.registry.dub_removals(limit=9))
