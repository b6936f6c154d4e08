"""What other sites show where somebody links to a video."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from starlette.testclient import TestClient

from dub_platform.core.service.links import Links
from dub_platform.registry.records import NewVideo, Source, Visibility
from tests.support.rig.services import YOUTUBE, Services, local_client, release

PAGE = f"http://dub.test/watch?v={YOUTUBE}&lang=es"


def ask(client: TestClient, url: str, more: str = "") -> Any:
    return client.get(f"/oembed?url={quote(url, safe='')}{more}")


def test_the_page_leads_to_a_frame_that_shows_it(client: TestClient, services: Services) -> None:
    """By the link in its head, as sites follow it; the frame is at a page that frames may show."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    found = re.search(r'type="application/json\+oembed" href="([^"]+)"', page)
    assert found
    assert '<meta property="og:title" content="A harbor">' in page
    assert f'content="http://dub.test/media/releases/{YOUTUBE}/film/1.mp4"' in page
    shown = client.get(unescape(found[1])).json()
    assert ("1.0", "video", "A harbor", 640, 360) == tuple(
        shown[name] for name in ("version", "type", "title", "width", "height")
    )
    source = re.search(r'<iframe src="([^"]+)"', shown["html"])
    assert source
    frame = client.get(unescape(source[1]))
    assert 200 == frame.status_code
    assert "frame-ancestors *" in frame.headers["content-security-policy"]
    assert 'value="es" checked' in frame.text
    # A page in a frame that changes something could be made to be clicked.
    assert "<form" not in frame.text
    policy = client.get(f"/watch?v={YOUTUBE}").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ("&maxwidth=320", (320, 180)),
        ("&maxheight=90&maxwidth=900&dnt=1&format=json", (160, 90)),
        ("&maxheight=1", (1, 1)),
    ],
)
def test_it_is_as_large_as_a_site_has_room_for(
    client: TestClient, services: Services, more: str, size: tuple[int, int]
) -> None:
    """And what a site sends beside that is its own."""
    release(services, YOUTUBE, "es")
    shown = ask(client, PAGE, more).json()
    assert size == (shown["width"], shown["height"])


def test_a_title_cannot_leave_the_frame(client: TestClient, services: Services) -> None:
    """The HTML is shown by other sites as it is."""
    hostile = "\"></iframe><script>alert('1')</script>"
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE, title=hostile), ["es"])
    shown = ask(client, PAGE).json()
    assert hostile == shown["title"]
    assert 1 == shown["html"].count("</iframe>")
    assert "<script" not in shown["html"]


@pytest.mark.parametrize(
    "url",
    [
        f"http://evil.test/watch?v={YOUTUBE}",
        f"http://dub.test.evil.test/watch?v={YOUTUBE}",
        f"http://dub.test/edit?v={YOUTUBE}&lang=es",
        "http://dub.test/watch",
        "http://dub.test/watch?v=../../etc",
        "http://dub.test/watch?v=video-00009",
        f"http://dub.test/watch?v={YOUTUBE}&lang=nonsense",
        "http://[",
        "javascript:alert(1)",
    ],
)
def test_nothing_else_is_shown(client: TestClient, services: Services, url: str) -> None:
    """Neither other addresses nor other pages of ours."""
    release(services, YOUTUBE, "es")
    assert 404 == ask(client, url).status_code


def test_a_video_that_needs_a_signed_link_is_shown_by_nobody(services: Services) -> None:
    """Not even with a link that is good: everybody who reads that site would have it."""
    release(services, YOUTUBE, "es")
    services.registry.change(YOUTUBE, visibility=Visibility.SIGNED)
    links = Links("s" * 32)
    with local_client(replace(services, links=links)) as client:
        signed = client.get(f"/videos/{YOUTUBE}").json()["links"]["watch"]["es"]
        parts = urlsplit(signed)
        page = client.get(f"{parts.path}?{parts.query}")
        assert 200 == page.status_code
        assert "oembed" not in page.text
        assert "og:" not in page.text
        assert 404 == ask(client, signed).status_code


@pytest.mark.parametrize("more", ["&format=xml", "&maxwidth=0", "&maxheight=x"])
def test_what_cannot_be_answered_is_refused(client: TestClient, more: str) -> None:
    """With the code that every such request has."""
    answer = ask(client, PAGE, more)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])
