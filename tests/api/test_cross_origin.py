"""Pages of other sites: refused, unless their site is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests.support.rig.services import YOUTUBE, Services

ALLOWED = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "If-Match"}


@pytest.fixture
def partner_client(services: Services) -> Iterator[TestClient]:
    """A client of an API that one other site may ask."""
    with TestClient(create_app(replace(services, cors_origins=[ALLOWED]))) as client:
        yield client


def hand_in(client: TestClient, origin: str) -> int:
    """The status of a video that a page of this origin hands in."""
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    order = {"source": f"https://youtu.be/{YOUTUBE}", "languages": ["es"]}
    return client.post("/videos", json=order, headers=headers).status_code


def test_a_page_of_an_allowed_site_reads_and_changes(partner_client: TestClient) -> None:
    """A browser asks first what it may send."""
    asked = partner_client.options("/videos", headers={"Origin": ALLOWED, **PREFLIGHT})
    assert (200, ALLOWED) == (asked.status_code, asked.headers["Access-Control-Allow-Origin"])
    read = partner_client.get("/videos", headers={"Origin": ALLOWED})
    assert ALLOWED == read.headers["Access-Control-Allow-Origin"]
    assert "ETag" in read.headers["Access-Control-Expose-Headers"]
    assert 202 == hand_in(partner_client, ALLOWED)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://app.example.org", "https://app.example.org.evil"]
)
def test_no_other_site_is_let_in_by_that(partner_client: TestClient, origin: str) -> None:
    """Nor one whose name begins like it."""
    read = partner_client.get("/videos", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in read.headers
    assert 403 == hand_in(partner_client, origin)


def test_where_no_site_is_allowed_nothing_is_told(client: TestClient) -> None:
    """As it is by default."""
    read = client.get("/videos", headers={"Origin": ALLOWED})
    assert not [name for name in read.headers if name.startswith("access-control")]
    assert 403 == hand_in(client, ALLOWED)
