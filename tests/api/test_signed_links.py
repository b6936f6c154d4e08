"""Who may watch: a video that is not for everybody is there for who has a signed link."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.core.errors import LinkExpiredError
from dub_platform.core.service.links import GOOD_FOR, Links
from dub_platform.registry.records import Visibility
from resources.store.s3 import S3Store
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services, make_services, release
from tests.support.servers.swift import running_swift

LINKS = Links("s" * 32)
NOW = datetime(2026, 5, 4, 12, 30, tzinfo=timezone.utc)
HOST = "http://dub.test"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services with a released video that is not for everybody."""
    services = make_services(tmp_path, links=LINKS)
    release(services, YOUTUBE, "es")
    services.registry.change(YOUTUBE, visibility=Visibility.SIGNED)
    return services


def addresses(client: TestClient) -> list[str]:
    """The page and every file of the video, as the API gives them."""
    dub: dict[str, Any] = client.get(f"/videos/{YOUTUBE}/dubs/es").json()
    told = [dub["links"]["watch"], dub["track_url"], dub["video_url"], dub["manifest_url"]]
    told += [*dub["captions_urls"].values(), *dub["source_captions_urls"].values()]
    return [address.removeprefix(HOST) for address in told]


def test_a_signed_link_opens_the_page_and_every_file(client: TestClient) -> None:
    """Each address that the API gives of it is one, also those in its page."""
    told = addresses(client)
    assert 8 == len(told)
    assert [200] * 8 == [client.get(address).status_code for address in told]
    page = client.get(told[0]).text
    assert page.count("signature=") == page.count("/media/") + page.count('href="/watch?')
    [listed] = client.get("/videos").json()["videos"]
    assert 200 == client.get(listed["watch_url"].removeprefix(HOST)).status_code


def test_without_a_link_nothing_is_there(client: TestClient) -> None:
    """Neither page nor file, word for word as if the video were not."""
    for address in addresses(client):
        assert 404 == client.get(re.sub(r"[?&]expires=.*", "", address)).status_code
    told = [client.get(f"/watch?v={video}").json() for video in (YOUTUBE, "x" * 11)]
    assert ["video_not_found"] * 2 == [each["code"] for each in told]
    assert told[0]["detail"].replace(YOUTUBE, "x" * 11) == told[1]["detail"]
    assert 404 == client.get(f"/media/releases/{YOUTUBE}/es/current.json").status_code


@pytest.mark.parametrize("changed", ["signature", "expires", "video", "secret"])
def test_a_link_that_was_changed_opens_nothing(
    client: TestClient, services: Services, changed: str
) -> None:
    """Not for longer, not for another video, not with another secret."""
    links = Links("t" * 32) if changed == "secret" else LINKS
    other = "x" * 11 if changed == "video" else YOUTUBE
    signed = links.sign(other, datetime.now(timezone.utc))
    if changed == "signature":
        signed = replace(signed, signature="0" * 64)
    if changed == "expires":
        signed = replace(signed, expires=signed.expires + 1)
    assert 404 == client.get(f"/watch?v={YOUTUBE}&{signed.query}").status_code


@pytest.mark.parametrize("expires", ["", "x", "-1", "1e9", "9" * 5000, "\u0661"])
def test_a_time_that_is_none_opens_nothing(client: TestClient, expires: str) -> None:
    """And is no mistake of ours."""
    query = {"v": YOUTUBE, "expires": expires, "signature": "ä"}
    assert 404 == client.get("/watch", params=query).status_code


def test_a_link_that_was_good_says_that_it_is_past(client: TestClient) -> None:
    """Who has it was told of the video once, so there is nothing to hide."""
    signed = LINKS.sign(YOUTUBE, datetime.now(timezone.utc) - 2 * GOOD_FOR)
    answer = client.get(f"/watch?v={YOUTUBE}&{signed.query}")
    assert (403, "link_expired") == (answer.status_code, answer.json()["code"])


def test_a_file_that_needs_a_link_is_kept_by_no_cache_of_others(
    client: TestClient, services: Services
) -> None:
    """A public one may be, for a year."""
    told = addresses(client)[1]
    assert "private, no-cache" == client.get(told).headers["cache-control"]
    services.registry.change(YOUTUBE, visibility=Visibility.PUBLIC)
    assert client.get(told).headers["cache-control"].startswith("public")


def test_a_link_is_good_for_a_day() -> None:
    """And the same for an hour, so that a player's addresses do not change under it."""
    signed = LINKS.sign(YOUTUBE, NOW)
    proof = YOUTUBE, str(signed.expires), signed.signature
    assert LINKS.check(*proof, NOW + GOOD_FOR)
    with pytest.raises(LinkExpiredError):
        LINKS.check(*proof, NOW + GOOD_FOR + timedelta(hours=1))
    assert signed == LINKS.sign(YOUTUBE, NOW + timedelta(minutes=20))
    assert "s" * 32 not in repr(LINKS)


def test_who_may_watch_is_said_when_it_is_handed_in_or_later(tmp_path: Path) -> None:
    """And what a request does not say stays."""
    with TestClient(create_app(make_services(tmp_path, links=LINKS))) as client:
        order = {"source": YOUTUBE, "languages": ["es"]}
        first = client.post("/videos", json={**order, "visibility": "signed"}).json()
        again = client.post("/videos", json=order).json()
        changed = client.patch(f"/videos/{YOUTUBE}", json={"visibility": "public"}).json()
    said = [each["visibility"] for each in (first, again, changed)]
    assert ["signed", "signed", "public"] == said
    assert ("signature=" in first["links"]["watch"]["es"], True) == (
        True,
        "signature=" not in changed["links"]["watch"]["es"],
    )


@pytest.fixture
def closed(tmp_path: Path) -> Services:
    """The same with the releases in a bucket that nobody can read."""
    swift = running_swift()
    (bucket, _), (releases, _) = swift.new_buckets(), swift.new_buckets()
    place = {"bucket": bucket, "public_bucket": releases, "public_url": f"{HOST}/media"}
    store = S3Store(swift.client, **place, is_public=False)  # type: ignore[arg-type]
    services = make_services(tmp_path, links=LINKS, store=store)
    release(services, YOUTUBE, "es")
    services.registry.change(YOUTUBE, visibility=Visibility.SIGNED)
    return services


def test_a_bucket_that_nobody_can_read_lends_to_who_has_a_link(closed: Services) -> None:
    """Texts come from here, and films by an address that is good for a while and for one file."""
    with TestClient(create_app(closed), follow_redirects=False) as client:
        told = [address for address in addresses(client) if address.startswith("/media/")]
        answers = [client.get(address) for address in told]
        bare = [client.get(address.partition("?")[0]) for address in told]
        [missing] = [client.get(told[0].replace("track.m4a", "other.m4a"))]
    assert {404} == {answer.status_code for answer in [*bare, missing]}
    assert {200: 5, 302: 2} == Counter(answer.status_code for answer in answers)
    lent = [answer.headers["location"] for answer in answers if answer.status_code == 302]
    films = [
        httpx.get(address, headers={"range": "bytes=0-1"}, timeout=HANG_SECONDS) for address in lent
    ]
    assert [(206, "private, no-cache")] * 2 == [
        (film.status_code, film.headers["cache-control"]) for film in films
    ]
    changed = [address.replace("/es/", "/fr/").replace("/film/", "/more/") for address in lent]
    assert {403} == {httpx.get(address, timeout=HANG_SECONDS).status_code for address in changed}
    assert not {200, 206} & {
        httpx.get(each.partition("?")[0], timeout=HANG_SECONDS).status_code for each in lent
    }


@pytest.mark.parametrize("lack", ["secret", "closed bucket"])
def test_what_cannot_be_kept_from_others_is_not_promised(tmp_path: Path, lack: str) -> None:
    """Without a secret nobody could watch; from a public bucket everybody could."""
    store = S3Store(None, bucket="a", public_bucket="b", public_url="http://media.test")
    lacks: dict[str, Any] = {"links": None} if lack == "secret" else {"store": store}
    with TestClient(create_app(make_services(tmp_path, **{"links": LINKS, **lacks}))) as client:
        order = {"source": YOUTUBE, "languages": ["es"], "visibility": "signed"}
        answers = [client.post("/videos", json=order)]
        client.post("/videos", json={**order, "visibility": "public"})
        answers.append(client.patch(f"/videos/{YOUTUBE}", json={"visibility": "signed"}))
    assert [(422, "links_not_enabled")] * 2 == [
        (answer.status_code, answer.json()["code"]) for answer in answers
    ]
