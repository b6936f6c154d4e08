"""The channels: what is said of them, where they are listed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from dub_platform.registry.records import NewVideo, Source
from tests.support.rig.services import YOUTUBE, Services

CHANNEL = "UC0123456789012345678901"
GLOSSARY = {"Acme": None, "harbor": {"es": "puerto"}}


def put(client: TestClient, channel_id: str = CHANNEL, **fields: Any) -> Any:
    return client.put(f"/channels/{channel_id}", json=fields)


def test_a_channel_is_put_and_told(client: TestClient) -> None:
    """201 when it is new, 200 after; what a request leaves out stays."""
    first = put(client, title="The Bakery", glossary=GLOSSARY)
    second = put(client, formality="informal")
    assert (201, 200) == (first.status_code, second.status_code)
    told = client.get(f"/channels/{CHANNEL}").json()
    assert second.json() == told
    assert (CHANNEL, "The Bakery", GLOSSARY, "informal") == (
        told["id"],
        told["title"],
        told["glossary"],
        told["formality"],
    )
    assert f"http://dub.test/channels/{CHANNEL}" == told["url"]
    assert {} == put(client, glossary={}).json()["glossary"]


def test_a_title_is_plain_text(client: TestClient) -> None:
    """On one line, and no longer than titles are."""
    put(client, title="  The\nBakery\x1b[2J " + "x" * 300)
    title = client.get(f"/channels/{CHANNEL}").json()["title"]
    assert title.startswith("The Bakery [2J xxx")
    assert 200 == len(title)


def test_channels_come_in_pages(client: TestClient) -> None:
    """Following next_url meets every channel once; a row says how long its glossary is."""
    ids = [f"UC{number:022}" for number in range(5)]
    for channel_id in ids:
        put(client, channel_id, glossary=GLOSSARY)
    seen, url = [], "/channels?limit=2"
    while url:
        page = client.get(url).json()
        seen += [(row["id"], row["terms"]) for row in page["channels"]]
        url = page.get("next_url", "").removeprefix("http://dub.test")
        assert url == (f"/channels?cursor={page['next_cursor']}&limit=2" if url else "")
    assert [(channel_id, 2) for channel_id in ids] == seen


def test_a_video_is_told_with_its_channel(client: TestClient, services: Services) -> None:
    """Once it was fetched; its title is text wherever it is shown."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    assert "channel" not in client.get(f"/videos/{YOUTUBE}").json()
    hostile = "<script>alert(1)</script>"
    services.registry.note_source(YOUTUBE, language=None, channel_id=CHANNEL, channel_title=hostile)
    told = client.get(f"/videos/{YOUTUBE}").json()["channel"]
    url = f"http://dub.test/channels/{CHANNEL}"
    assert {"id": CHANNEL, "title": hostile, "url": url} == told
    assert "<bdi>&lt;script&gt;alert(1)" in client.get(f"/watch?v={YOUTUBE}&lang=es").text


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("channel_id", ["TheBakery", "UC1", "UC" + "%2e" * 22])
def test_what_is_no_channels_id_is_refused(
    client: TestClient, method: str, channel_id: str
) -> None:
    """Handles and the like, before anything is looked up."""
    answer = client.request(method, f"/channels/{channel_id}", json={"title": "x"})
    assert (422, "channel_id_invalid") == (answer.status_code, answer.json()["code"])


def test_a_channel_that_nobody_knows_is_not_there(client: TestClient) -> None:
    """It can be put there before its first video."""
    answer = client.get(f"/channels/{CHANNEL}")
    assert (404, "channel_not_found") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"glossary": {"harbor": {}}}, "request_invalid"),
        ({"formality": "rude"}, "request_invalid"),
        ({"name": "x"}, "request_invalid"),
        ({"title": 7}, "request_invalid"),
        ({"glossary": {"a": {"xx": "b"}}}, "language_unknown"),
    ],
)
def test_what_cannot_be_said_of_a_channel_is_refused(
    client: TestClient, services: Services, fields: dict[str, Any], code: str
) -> None:
    """And no channel is made of it."""
    answer = put(client, **fields)
    assert (422, code) == (answer.status_code, answer.json()["code"])
    assert [] == services.registry.channels()


def test_an_empty_request_says_nothing_of_a_channel(client: TestClient) -> None:
    """The sentence says what can be."""
    answer = client.put(f"/channels/{CHANNEL}")
    assert (422, "body_empty") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=nobody"])
def test_a_listing_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    """A limit or an id that means nothing is told."""
    assert 422 == client.get(f"/channels?{query}").status_code
