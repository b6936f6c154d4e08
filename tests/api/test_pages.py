"""The pages, read as HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.records import DubStatus, NewVideo, Source, Work
from tests.support.rig.services import YOUTUBE, Services, local_client, release

HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
MEDIA = f"/media/releases/{YOUTUBE}"


@pytest.mark.parametrize("path", ["/", f"/watch?v={YOUTUBE}&lang=es"])
def test_a_hostile_title_stays_text(client: TestClient, services: Services, path: str) -> None:
    """A title is shown as its author wrote it, and is never markup."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE, title=HOSTILE), ["es"])
    page = client.get(path).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("path", ["/", f"/watch?v={YOUTUBE}"])
def test_nothing_inline_can_run(client: TestClient, services: Services, path: str) -> None:
    """The policy allows our own files only, and the pages keep to it."""
    release(services, YOUTUBE, "es")
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/", f"/watch?v={YOUTUBE}", "/videos", "/nothing"])
def test_no_cache_that_others_share_keeps_a_page(
    client: TestClient, services: Services, path: str
) -> None:
    """It has signed links, or titles of whoever asked."""
    release(services, YOUTUBE, "es")
    answer = client.get(path, headers={"accept": "text/html"})
    assert "private, no-cache" == answer.headers["cache-control"]


def test_the_start_page_offers_the_languages_there_are(client: TestClient) -> None:
    """One box for each language that the source can be dubbed into."""
    page = client.get("/").text
    assert 4 == page.count('name="languages"')
    assert "Galego" in page or "galego" in page
    assert 'action="/videos"' in page


def test_a_language_is_written_in_its_direction(services: Services) -> None:
    """Arabic from right to left, though the page runs from left to right."""
    client = local_client(replace(services, targets=lambda _: ("ar", "es")))
    for tag, direction in (("ar", "rtl"), ("es", "ltr")):
        assert f'<span lang="{tag}" dir="{direction}">' in client.get("/").text
        release(services, YOUTUBE, tag)
    page = client.get(f"/watch?v={YOUTUBE}&lang=ar").text
    assert '<span lang="ar" dir="rtl">العربية</span>' in page
    assert 'srclang="ar"' in page
    edit = client.get(f"/edit?v={YOUTUBE}&lang=ar").text
    assert '<input id="find" lang="ar" dir="rtl"' in edit


def test_a_region_is_a_dub_of_its_own(services: Services) -> None:
    """Asked for by its tag in any spelling, at an address with the tag; watched as the nearest."""
    client = local_client(replace(services, targets=lambda _: ("pt", "zh-Hant")))
    asked = {"source": YOUTUBE, "languages": ["pt_br", "ZH-hant"]}
    video = client.post("/videos", json=asked).json()
    assert ["pt-BR", "zh-Hant"] == [dub["language"] for dub in video["dubs"]]
    assert "Portuguese (Brazil)" == video["dubs"][0]["language_name"]
    assert 200 == client.get(f"/videos/{YOUTUBE}/dubs/pt-BR").status_code
    release(services, YOUTUBE, "pt-BR")
    assert "/pt-BR/1/pt-BR.vtt" in client.get(f"/watch?v={YOUTUBE}&lang=pt").text
    refused = client.post("/videos", json={"source": YOUTUBE, "languages": ["zh-Hans"]})
    assert (422, "language_not_available") == (refused.status_code, refused.json()["code"])


@pytest.mark.parametrize(
    ("lang", "asset", "partition"),
    [("es", "r2_object", f"es%7C{YOUTUBE}"), ("en", "transcript", YOUTUBE)],
)
def test_how_it_is_made_leads_to_this_video_in_dagster(
    client: TestClient, services: Services, lang: str, asset: str, partition: str
) -> None:
    """To the release in the language that is watched, else to what was heard of the original."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang={lang}").text
    address = f"http://dagster.test/assets/{asset}?view=partitions&amp;partition={partition}"
    assert f'<a href="{address}">How it is made</a>' in page
    assert '<a href="http://dagster.test">How it is made</a>' in client.get("/").text


def test_a_deployment_without_an_address_of_dagster_leads_nowhere(services: Services) -> None:
    """Viewers are not sent to a machine that they cannot reach."""
    release(services, YOUTUBE, "es")
    alone = local_client(replace(services, dagster_url=None))
    assert "How it is made" not in alone.get(f"/watch?v={YOUTUBE}&lang=es").text


def test_everything_can_be_downloaded_without_a_script(
    client: TestClient, services: Services
) -> None:
    """Film, track and captions are plain links on the player's page."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    for path in ("film/1.mp4", "es/1/track.m4a", "es/1/es.vtt", "es/1/es.srt", "es/1/source.srt"):
        assert f'href="{MEDIA}/{path}" download' in page


def test_the_player_has_captions_of_source_and_dub(client: TestClient, services: Services) -> None:
    """One track each, with its language."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}").text
    assert f'src="{MEDIA}/es/1/es.vtt" srclang="es"' in page
    assert f'src="{MEDIA}/es/1/source.vtt" srclang="en"' in page


def test_the_player_opens_with_a_released_dub(client: TestClient, services: Services) -> None:
    """Without a language in the address, the first released one is chosen."""
    release(services, YOUTUBE, "es")
    services.registry.ask(YOUTUBE, "ca")
    assert 'value="es" checked' in client.get(f"/watch?v={YOUTUBE}").text


def test_a_dub_on_its_way_is_waited_for(client: TestClient, services: Services) -> None:
    """The page says so, and comes again by itself where no script runs."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "Spanish is on its way:" in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


def test_a_failed_dub_says_why_and_stops_asking(client: TestClient, services: Services) -> None:
    """The reason is there for its viewer, and the page does not come again."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    details = {"code": "media_no_speech", "message": "Nobody speaks in it."}
    services.registry.fail(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "Nobody speaks in it." in page
    assert "http-equiv" not in page


def test_a_language_nobody_asked_for_is_said_so(client: TestClient, services: Services) -> None:
    """The player of another language is there all the same."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=ca").text
    assert "Nobody asked for this video in Catalan yet." in page
    assert 'id="film"' in page


@pytest.mark.parametrize(
    ("query", "status"), [("", 422), ("v=nonsense", 422), ("v=video-00009", 404)]
)
def test_a_player_of_nothing_is_an_error(client: TestClient, query: str, status: int) -> None:
    """No id, a wrong id, an unknown video."""
    assert status == client.get(f"/watch?{query}").status_code


def fail(services: Services, code: str, message: str) -> None:
    """Have a video fail, and its Spanish dub with it."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    details = {"code": code, "message": message, "retryable": True}
    services.registry.fail(Work(YOUTUBE, None, 1), details, now=datetime.now(timezone.utc))


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        ("source_unreachable", "Set DUB_YOUTUBE_PROXY.", "It may work later."),
        ("source_private", "This video is private.", "This video is private."),
        ("provider_refused", "Look at OPENAI_API_KEY.", "did not do its part"),
        ("engine_failed", "eSpeak NG died.", "did not do its part"),
        ("media_over_limit", "Longer than MAX_VIDEO_LENGTH.", "cannot be dubbed as it is"),
        ("internal_error", "The step speech failed. Look at Dagster.", "no fault of the video"),
    ],
)
@pytest.mark.parametrize("query", ["lang=es", "lang=en", ""])
def test_a_viewer_is_told_what_a_viewer_can_use(
    client: TestClient, services: Services, code: str, message: str, told: str, query: str
) -> None:
    """And what only an operator can is for nobody else; in every language that was asked for."""
    fail(services, code, message)
    page = client.get(f"/watch?v={YOUTUBE}&{query}").text
    assert told in page
    assert (message == told) == (message in page)
    assert f"<code>{code}</code>" in page


def test_the_operator_of_a_machine_of_ones_own_is_told_all(services: Services) -> None:
    """Where nobody else is answered."""
    fail(services, "source_unreachable", "Set DUB_YOUTUBE_PROXY.")
    with local_client(replace(services, is_local=True, base_url="http://localhost")) as client:
        page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "Set DUB_YOUTUBE_PROXY." in page
    assert "It may work later." in page


def press(client: TestClient, page: str) -> Any:
    """Send the page's form as a browser without a script does."""
    [action] = re.findall(r'<form action="([^"]+)" method="post">', page)
    headers = {"accept": "text/html", "content-type": "application/x-www-form-urlencoded"}
    return client.post(action, headers=headers, follow_redirects=False)


@pytest.mark.parametrize("lang", ["es", "en"])
def test_what_failed_can_be_tried_again(client: TestClient, services: Services, lang: str) -> None:
    """By a form, which leads on to the page that waits."""
    fail(services, "source_unreachable", "It could not be reached.")
    page = client.get(f"/watch?v={YOUTUBE}&lang={lang}").text
    assert "Try again" in page
    answer = press(client, page)
    assert (303, f"/watch?v={YOUTUBE}&lang=es") == (
        answer.status_code,
        answer.headers["location"],
    )
    assert "Spanish is on its way" in client.get(answer.headers["location"]).text
    assert DubStatus.QUEUED is services.registry.dub(YOUTUBE, "es").status


def test_a_doubted_video_says_how_sure_it_is(client: TestClient, services: Services) -> None:
    """And offers what settles it, and not what an integrator would call."""
    fail(
        services, "media_misheard", "We may have misheard this video (34%): it is unsure. PATCH it."
    )
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "We may have misheard this video (34%)." in page
    assert "PATCH" not in page
    assert all(f'id="{each}"' in page for each in ("settle", "spoken", "words"))


def test_a_stale_dub_can_be_brought_up_to_date(client: TestClient, services: Services) -> None:
    """With what that costs; it is watched as it is meanwhile."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "Bring it up to date" not in page
    services.registry.caption(YOUTUBE, f"videos/{YOUTUBE}/captions.srt")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert "What is said in this video was changed since Spanish was made." in page
    assert "for about $0.00" in page
    assert 'id="film"' in page
    assert 303 == press(client, page).status_code
    assert DubStatus.QUEUED is services.registry.dub(YOUTUBE, "es").status
    assert "Bring it up to date" not in client.get(f"/watch?v={YOUTUBE}&lang=es").text


def test_a_file_that_cannot_be_dubbed_is_replaced(client: TestClient, services: Services) -> None:
    """To try it again would end as before."""
    fail(services, "media_no_speech", "Nobody speaks in it.")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert '<a href="/">Choose another file</a>' in page
    assert "Try again" not in page


def test_a_language_can_be_asked_for_where_it_is_available(
    client: TestClient, services: Services
) -> None:
    """And where it is not, the page says so and offers what there is."""
    release(services, YOUTUBE, "es")
    page = client.get(f"/watch?v={YOUTUBE}&lang=ca").text
    assert "Ask for it" in page
    assert 303 == press(client, page).status_code
    assert DubStatus.QUEUED is services.registry.dub(YOUTUBE, "ca").status
    french = client.get(f"/watch?v={YOUTUBE}&lang=fr").text
    assert "French is not available for this video." in french
    assert "<form" not in french


def test_what_needs_a_key_is_offered_with_a_field_for_it(
    services: Services, tmp_path: Path
) -> None:
    """To a script alone: no form of the page can be sent without one, nor does a field have a name
    under which an address could have the key."""
    fail(services, "source_unreachable", "It could not be reached.")
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    with local_client(replace(services, keys=keys)) as client:
        for lang, does in (("es", "Try again"), ("ca", "Ask for it")):
            page = client.get(f"/watch?v={YOUTUBE}&lang={lang}").text
            [keyed] = re.findall(r'<section id="keyed".*?</section>', page, re.DOTALL)
            assert keyed.splitlines()[0].endswith(" hidden>")
            assert f'data-does="ask">{does}</button>' in keyed
            assert "scope <code>write</code>" in keyed
            assert ["<form>"] == re.findall("<form[^>]*>", page)
            assert "name=" not in keyed
        assert 401 == client.post(f"/videos/{YOUTUBE}/dubs/es").status_code


def test_it_is_said_why_a_dub_is_stale(client: TestClient, services: Services) -> None:
    """What only its editors can mend is nothing to press a button for."""
    made = release(services, YOUTUBE, "es")
    address = f"/watch?v={YOUTUBE}&lang=es"
    for number, (basis, said) in enumerate(
        (
            ({"version": "first"}, "This video was translated anew since Spanish was made."),
            ({"wording": "formal"}, "The wording of this channel was changed since Spanish"),
            ({"old_edits": 1}, ""),
        )
    ):
        film = services.registry.video(YOUTUBE).film_key
        now = replace(made, **basis)  # type: ignore[arg-type]
        services.registry.note_translation(YOUTUBE, "es", f"{number}")
        services.registry.release(YOUTUBE, "es", now, film_key=film, beside={}, run_id="run")
        page = client.get(address).text
        assert said in page
        assert ("Bring it up to date" in page) == bool(said)


def test_nobody_without_a_key_is_told_what_is_stale(services: Services, tmp_path: Path) -> None:
    """Or what it costs to renew: the page is the same before and after."""
    release(services, YOUTUBE, "es")
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    with local_client(replace(services, keys=keys)) as client:
        before = client.get(f"/watch?v={YOUTUBE}&lang=es").text
        services.registry.caption(YOUTUBE, f"videos/{YOUTUBE}/captions.srt")
        assert before == client.get(f"/watch?v={YOUTUBE}&lang=es").text
        assert "$" not in before
        assert 'data-does="look"' in before
        # What waits, and the original of what is released, is nothing to do anything about.
        assert 'id="keyed"' not in client.get(f"/watch?v={YOUTUBE}&lang=en").text
        services.registry.ask(YOUTUBE, "ca")
        assert 'id="keyed"' not in client.get(f"/watch?v={YOUTUBE}&lang=ca").text


def test_the_original_is_told_of_before_there_is_a_film(
    client: TestClient, services: Services
) -> None:
    """It comes with the first dub, and the page comes again until then."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    page = client.get(f"/watch?v={YOUTUBE}&lang=en").text
    assert "English is on its way:" in page
    release(services, YOUTUBE, "es")
    assert 'value="en" checked' in client.get(f"/watch?v={YOUTUBE}&lang=en").text


def test_a_dub_without_pictures_can_be_heard(client: TestClient, services: Services) -> None:
    """Of a video that is hosted elsewhere there is no film, and the sound is there."""
    made = release(services, YOUTUBE, "es")
    services.registry.hold(YOUTUBE, "es", "again", now=datetime.now(timezone.utc))
    services.registry.release(YOUTUBE, "es", made, film_key=None, beside={}, run_id="again")
    page = client.get(f"/watch?v={YOUTUBE}&lang=es").text
    assert f'<audio src="{MEDIA}/es/1/track.m4a" controls' in page
    assert "The pictures of this video are not here" in page


def test_the_start_page_asks_what_is_spoken(client: TestClient) -> None:
    """With what the platform would take it for, and to be told by itself where that is possible."""
    page = client.get("/").text
    assert '<select id="spoken" name="source_language">' in page
    assert '<option value="en" selected>English</option>' in page
    assert '<option value="auto">' in page


def test_what_cannot_be_told_is_not_offered(services: Services) -> None:
    """A recogniser of one language tells no other."""
    with local_client(replace(services, detects_languages=False)) as client:
        assert 'value="auto"' not in client.get("/").text
