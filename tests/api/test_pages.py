"""The pages, read as HTML."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from starlette.testclient import TestClient

from api.desk import Desk
from dub_platform.registry.port import NewVideo, Source, Work
from tests.api.desks import YOUTUBE, local_client, release

HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
MEDIA = f"/media/releases/{YOUTUBE}"


@pytest.mark.parametrize("path", ["/", f"/watch?v={YOUTUBE}&lang=es"])
def test_a_hostile_title_stays_text(client: TestClient, desk: Desk, path: str) -> None:
    """A title is shown as its author wrote it, and is never markup."""
    desk.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE, title=HOSTILE), ["es"])
    page = client.get(path).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("path", ["/", f"/watch?v={YOUTUBE}"])
def test_nothing_inline_can_run(client: TestClient, desk: Desk, path: str) -> None:
    """The policy allows our own files only, and the pages keep to it."""
    release(desk, YOUTUBE, "es")
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/", f"/watch?v={YOUTUBE}", "/videos", "/nothing"])
def test_no_cache_that_others_share_keeps_a_page(client: TestClient, desk: Desk, path: str) -> None:
    """It has signed links, or titles of whoever asked."""
    release(desk, YOUTUBE, "es")
    answer = client.get(path, headers={"accept": "text/html"})
    assert "private, no-cache" == answer.headers["cache-control"]


def test_the_start_page_offers_the_languages_there_are(client: TestClient) -> None:
    """One box for each language that the source can be dubbed into."""
    page = client.get("/").text
    assert 4 == page.count('name="languages"')
    assert "Galego" in page or "galego" in page
    assert 'action="/videos"' in page


@pytest.mark.parametrize(
    ("lang", "asset", "partition"),
    [("es", "r2_object", f"es%7C{YOUTUBE}"), ("en", "transcript", YOUTUBE)],
)
def test_how_it_is_made_leads_to_this_video_in_dagster(
    client: TestClient, desk: Desk, lang: str, asset: str, partition: str
) -> None:
    """To the release in the language that is watched, else to what was heard of the original."""
    release(desk, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang={lang}").text
    address = f"http://dagster.test/assets/{asset}?view=partitions&amp;partition={partition}"
    assert f'<a href="{address}">How it is made</a>' in page
    assert '<a href="http://dagster.test">How it is made</a>' in client.get("/").text


def test_a_deployment_without_an_address_of_dagster_leads_nowhere(desk: Desk) -> None:
    """Viewers are not sent to a machine that they cannot reach."""
    release(desk, YOUTUBE, "es")
    alone = local_client(replace(desk, dagster_url=None))
    assert "How it is made" not in alone.get(f"/watch?v={YOUTUBE}&lang=es").text


def test_everything_can_be_downloaded_without_a_script(client: TestClient, desk: Desk) -> None:
    """Film, track and captions are plain links on the player's page."""
    release(desk, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    for path in ("film/1.mp4", "es/1/track.m4a", "es/1/es.vtt", "es/1/es.srt", "es/1/source.srt"):
        assert f'href="{MEDIA}/{path}" download' in page


def test_the_player_has_captions_of_source_and_dub(client: TestClient, desk: Desk) -> None:
    """One track each, with its language."""
    release(desk, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}").text
    assert f'src="{MEDIA}/es/1/es.vtt" srclang="es"' in page
    assert f'src="{MEDIA}/es/1/source.vtt" srclang="en"' in page


def test_the_player_opens_with_a_released_dub(client: TestClient, desk: Desk) -> None:
    """Without a language in the address, the first released one is chosen."""
    release(desk, YOUTUBE, "es")
    desk.registry.ask(YOUTUBE, "ca")
    assert 'value="es" checked' in client.get(f"/watch?v={YOUTUBE}").text


def test_a_dub_on_its_way_is_waited_for(client: TestClient, desk: Desk) -> None:
    """The page says so, and comes again by itself where no script runs."""
    desk.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "Spanish is on its way:" in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


def test_a_failed_dub_says_why_and_stops_asking(client: TestClient, desk: Desk) -> None:
    """The reason is there for its viewer, and the page does not come again."""
    desk.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    details = {"code": "media_no_speech", "message": "Nobody speaks in it."}
    desk.registry.failed(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "Nobody speaks in it." in page
    assert "http-equiv" not in page


def test_a_language_nobody_asked_for_is_said_so(client: TestClient, desk: Desk) -> None:
    """The player of another language is there all the same."""
    release(desk, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=ca").text
    assert "Nobody asked for this video in Catalan yet." in page
    assert 'id="film"' in page


@pytest.mark.parametrize(
    ("query", "status"), [("", 422), ("v=nonsense", 422), ("v=video-00009", 404)]
)
def test_a_player_of_nothing_is_an_error(client: TestClient, query: str, status: int) -> None:
    """No id, a wrong id, an unknown video."""
    assert status == client.get(f"/watch?{query}").status_code
