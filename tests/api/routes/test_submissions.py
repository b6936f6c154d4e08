"""POST /videos, as it should go."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from dub_platform.core.keys import file_sha256
from dub_platform.registry import Work
from resources.media.probe import MediaFacts
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services, Told, make_services, serving

SRT = "1\n00:00:00,500 --> 00:00:01,500\nGood morning.\n"


def hand_in(client: TestClient, clip: Path, **fields: str | list[str]) -> Any:
    file = {"file": ("clip.mp4", clip.read_bytes())}
    answer = client.post("/videos", files=file, data={"languages": "es", **fields})
    assert (202, answer.text) == (answer.status_code, answer.text)
    return answer.json()


def test_an_upload_is_accepted_with_its_links(client: TestClient, clip: Path) -> None:
    """The answer says where the video, its dubs and their players are."""
    body = hand_in(client, clip, languages="es,ca")
    video_id = f"up-{file_sha256(clip)[:32]}"
    assert (video_id, "queued", "clip", True) == (
        body["id"],
        body["status"],
        body["title"],
        body["created"],
    )
    assert {
        "self": f"http://dub.test/videos/{video_id}",
        "dubs": {
            "ca": f"http://dub.test/videos/{video_id}/dubs/ca",
            "es": f"http://dub.test/videos/{video_id}/dubs/es",
        },
        "watch": {
            "ca": f"http://dub.test/watch?v={video_id}&lang=ca",
            "es": f"http://dub.test/watch?v={video_id}&lang=es",
        },
    } == body["links"]
    assert [("ca", "queued"), ("es", "queued")] == sorted(
        (dub["language"], dub["status"]) for dub in body["dubs"]
    )


def test_an_upload_is_kept_under_a_key_of_ours(
    client: TestClient, services: Services, clip: Path
) -> None:
    """The store has the bytes, the row has their key, and the spool is empty."""
    video = services.registry.video(hand_in(client, clip)["id"])
    assert f"videos/{video.id}/upload.media" == video.upload_key
    assert clip.read_bytes() == services.store.get_bytes(video.upload_key)
    assert clip.stat().st_size == video.file_size_bytes
    assert [] == list(services.spool_dir.iterdir())


def test_the_same_content_is_the_same_video(client: TestClient, clip: Path) -> None:
    """A second hand-in under another name adds its languages to the video there is."""
    first = hand_in(client, clip)
    again = client.post(
        "/videos", files={"file": ("b.avi", clip.read_bytes())}, data={"languages": "ca"}
    ).json()
    assert (first["id"], False, "clip") == (again["id"], again["created"], again["title"])
    assert {"es", "ca"} == {dub["language"] for dub in again["dubs"]}


@pytest.mark.parametrize(
    "languages", ["es,ca", ["es", "ca"], ["es,ca", "es"], " ES , ca,"], ids=repr
)
def test_languages_come_in_one_field_or_in_many(
    client: TestClient, services: Services, clip: Path, languages: str | list[str]
) -> None:
    """Commas, repetition, spaces and capitals all name the same two languages."""
    body = hand_in(client, clip, languages=languages)
    assert isinstance(services.announce, Told)
    assert [(body["id"], ("es", "ca"))] == services.announce.keys


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.mp4", "boot"),
        ("/tmp/a.mp4", "a"),
        ("My  film\x1b[2J.mp4", "My film [2J"),
        ("<b>bold</b>.mp4", "b>"),
        ("café \u202egnp.mp4", "café gnp"),
        ("x" * 300 + ".mp4", "x" * 200),
    ],
)
def test_a_file_name_is_only_a_title(
    client: TestClient, services: Services, clip: Path, name: str, title: str
) -> None:
    """Path tricks, escapes and length of a client's file name end in plain text."""
    body = client.post(
        "/videos", files={"file": (name, clip.read_bytes())}, data={"languages": "es"}
    ).json()
    assert title == body["title"]
    stored = [path.relative_to(services.store.root) for path in services.store.root.rglob("*.*")]
    assert [Path(f"videos/{body['id']}/upload.media")] == stored


def test_a_given_title_wins_over_the_file_name(client: TestClient, clip: Path) -> None:
    """The title field is taken as text, on one line."""
    assert "The harbor <i>now</i>" == hand_in(client, clip, title="The harbor\n<i>now</i>")["title"]


@pytest.mark.parametrize(
    ("text", "suffix"),
    [(SRT, "srt"), ("\ufeffWEBVTT\n\n00:01.000 --> 00:02.000\nGood morning.\n", "vtt")],
)
def test_captions_are_kept_beside_the_video(
    client: TestClient, services: Services, clip: Path, text: str, suffix: str
) -> None:
    """Their format is read from their content, whatever the file is called."""
    body = client.post(
        "/videos",
        files={"file": ("clip.mp4", clip.read_bytes()), "captions": ("words.bin", text.encode())},
        data={"languages": "es"},
    ).json()
    key = services.registry.video(body["id"]).captions_key
    assert key is not None
    assert (suffix, text.lstrip("\ufeff")) == (
        key.rpartition(".")[2],
        services.store.get_bytes(key).decode(),
    )


def test_captions_that_come_later_are_taken_or_the_answer_says_not(
    client: TestClient, services: Services, clip: Path
) -> None:
    """Until the video is being prepared."""

    def again(text: str) -> tuple[bool, bool | None]:
        captions = {"captions": ("words.srt", text.encode())} if text else {}
        body = client.post(
            "/videos",
            files={"file": ("clip.mp4", clip.read_bytes()), **captions},
            data={"languages": "es"},
        ).json()
        return body["created"], body.get("captions_taken")

    assert [(True, None), (False, True)] == [again(""), again(SRT)]
    (video,) = services.registry.videos(limit=1).videos
    key = video.captions_key
    services.registry.begin_work(Work(video.id, None, 1), "a run")
    assert (False, False) == again(SRT.replace("Good", "Bad"))
    assert key == services.registry.video(video.id).captions_key


def test_a_captions_field_left_empty_in_a_browser_is_no_captions(
    client: TestClient, services: Services, clip: Path
) -> None:
    """A form sends an unused file field as a part without name and content."""
    boundary = "edge"
    parts = [
        'Content-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n',
        'Content-Disposition: form-data; name="captions"; filename=""\r\n\r\n',
        'Content-Disposition: form-data; name="languages"\r\n\r\nes',
    ]
    head, empty, language = (f"--{boundary}\r\n{part}".encode() for part in parts)
    body = b"\r\n".join([head + clip.read_bytes(), empty, language, b"--edge--\r\n"])
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    answer = client.post("/videos", content=body, headers=kind)
    assert (202, None) == (
        answer.status_code,
        services.registry.video(answer.json()["id"]).captions_key,
    )


@pytest.mark.parametrize(
    "source",
    [YOUTUBE, f"https://www.youtube.com/watch?v={YOUTUBE}&t=3", f"https://youtu.be/{YOUTUBE}"],
)
def test_a_youtube_link_is_accepted(client: TestClient, source: str) -> None:
    """An id and every form of its address are the same video."""
    answer = client.post("/videos", json={"source": source, "languages": ["es"]})
    body = answer.json()
    assert (202, YOUTUBE, "youtube") == (answer.status_code, body["id"], body["source"])
    assert body["links"]["self"] == answer.headers["location"]


def test_the_language_known_of_a_video_stays(tmp_path: Path) -> None:
    """A second request that claims another spoken language is judged by the first one's."""
    targets = {"en": ("es",), "ca": ("en",)}
    services = make_services(tmp_path, targets=lambda source: targets.get(source, ()))
    with serving(services) as url:
        ask = {"source": YOUTUBE, "languages": ["es"]}
        httpx2.post(f"{url}/videos", json=ask, timeout=HANG_SECONDS)
        other = {"source": YOUTUBE, "languages": ["en"], "source_language": "ca"}
        refused = httpx2.post(f"{url}/videos", json=other, timeout=HANG_SECONDS).json()
        assert "language_not_available" == refused["code"]


def test_the_event_loop_is_free_while_a_file_is_probed(services: Services, clip: Path) -> None:
    """Another request is answered while a probe takes its time."""
    probing, enough = threading.Event(), threading.Event()

    def slow(path: Path) -> MediaFacts:
        probing.set()
        assert enough.wait(HANG_SECONDS)
        return services.probe(path)

    with serving(replace(services, probe=slow)) as url:
        upload = {"file": ("clip.mp4", clip.read_bytes())}
        answers: list[httpx2.Response] = []
        thread = threading.Thread(
            target=lambda: answers.append(
                httpx2.post(
                    f"{url}/videos", files=upload, data={"languages": "es"}, timeout=HANG_SECONDS
                )
            )
        )
        thread.start()
        assert probing.wait(HANG_SECONDS)
        assert 200 == httpx2.get(f"{url}/health", timeout=HANG_SECONDS).status_code
        enough.set()
        thread.join()
    assert [202] == [answer.status_code for answer in answers]
