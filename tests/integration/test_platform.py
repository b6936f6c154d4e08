"""The running platform as its users have it: API, sensor, daemon, UI, all real."""

from __future__ import annotations

from pathlib import Path

import ffmpeg
import httpx
import numpy as np
import pytest

from assets.step.tags import VIDEO
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.golden_clip import GoldenClip
from tests.support.recipes.media import make_clip, run
from tests.support.recipes.speech import HARBOR, RATE, say
from tests.support.rig.platform import Answer, Platform

pytestmark = pytest.mark.xdist_group("platform")  # one stack serves them all

RUNS = """query($tags: [ExecutionTag!]!) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results { jobName status } } }
}"""

MATERIALIZATIONS = """query($asset: [String!]!, $partition: String!) {
  assetNodeOrError(assetKey: {path: $asset}) { ... on AssetNode {
    assetMaterializations(partitions: [$partition], limit: 5) {
      runId metadataEntries { label ... on UrlMetadataEntry { url } } } } }
}"""


@pytest.mark.long
def test_a_language_added_later_runs_only_that_language(platform: Platform, folder: Path) -> None:
    """PUT for one more language makes one dub and prepares nothing again."""
    sound = np.pad(say(HARBOR), RATE)
    clip = make_clip(folder / "clip.mp4", seconds=len(sound) / RATE, sound=sound, rate=RATE)  # type: ignore[arg-type]
    video = platform.hand_in(clip, "es")
    platform.await_release(video["id"], "es")
    before = _jobs(platform, video["id"])
    assert 202 == platform.api.put(f"/videos/{video['id']}/dubs/ca").status_code
    platform.await_release(video["id"], "ca")
    assert sorted([*before, "dub_video"]) == sorted(_jobs(platform, video["id"]))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_another_sites_page_does_not_work_dagster(
    platform: Platform, headers: dict[str, str]
) -> None:
    """Neither by POST nor by what a picture or a link can hold."""
    url = f"{platform.settings.local_dagster_url}/graphql"
    query = {"query": "{ runsOrError(limit: 1) { __typename } }"}
    answers = [
        httpx.get(url, params=query, headers=headers, timeout=HANG_SECONDS),
        httpx.get(url, params=query, timeout=HANG_SECONDS),
        httpx.post(url, json=query, headers=headers, timeout=HANG_SECONDS),
        httpx.post(url, json=query, timeout=HANG_SECONDS),
    ]
    assert [403, 403, 403, 200] == [answer.status_code for answer in answers]


def test_the_same_file_again_is_the_same_video(
    platform: Platform, handed_in: Answer, golden: GoldenClip
) -> None:
    """Nothing is made twice, whoever hands it in."""
    before = _jobs(platform, handed_in["id"])
    again = platform.hand_in(golden.path, "es")
    assert (handed_in["id"], False) == (again["id"], again["created"])
    assert "released" == platform.await_end(again["id"], "es")["status"]
    assert before == _jobs(platform, handed_in["id"])


@pytest.mark.logs_errors("media_no_speech")
@pytest.mark.parametrize(
    ("sound", "code", "words"),
    [
        ("anullsrc=r=44100", "media_no_speech", "No speech was found"),
        ("sine=f=330:r=44100", "media_no_speech", "No speech was found"),
    ],
)
def test_a_video_without_speech_fails_with_its_reason(
    platform: Platform, folder: Path, sound: str, code: str, words: str
) -> None:
    """Video and dub say why in plain words, and nothing is left in the spool."""
    clip = folder / "quiet.mp4"
    pictures = ffmpeg.input("testsrc2=s=160x120:r=10:d=4", format="lavfi")
    heard = ffmpeg.input(sound, format="lavfi", t=4)
    run(ffmpeg.output(pictures, heard, str(clip), vcodec="libx264", acodec="aac"))
    video = platform.hand_in(clip, "es")
    dub = platform.await_end(video["id"], "es")
    assert ("failed", code) == (dub["status"], dub["error"]["code"])
    assert words in dub["error"]["message"]
    assert "failed" == platform.video(video["id"])["status"]
    assert [] == list(platform.settings.spool_dir.iterdir())


def test_a_video_that_is_too_long_is_refused_at_the_door(platform: Platform, folder: Path) -> None:
    """MAX_VIDEO_LENGTH is 60 s here, and the answer says so."""
    clip = folder / "long.mp4"
    pictures = ffmpeg.input("color=s=16x16:r=1:d=70", format="lavfi")
    sound = ffmpeg.input("anullsrc=r=8000", format="lavfi", t=70)
    run(ffmpeg.output(pictures, sound, str(clip), vcodec="libx264", acodec="aac"))
    with clip.open("rb") as file:
        answer = platform.api.post("/videos", files={"file": file}, data={"languages": "es"})
    problem = answer.json()
    assert (422, "video_too_long") == (answer.status_code, problem["code"])
    assert "at most 60 s" in problem["detail"]


def test_dagster_shows_every_artifact_of_the_video(platform: Platform, handed_in: Answer) -> None:
    """From the release back to the file that was handed in, each with its numbers."""
    video, dub = handed_in["id"], f"es|{handed_in['id']}"
    expected = {
        ("source_media", video): {"seconds", "bytes", "streams", "waveform", "player"},
        ("audio", video): {"LUFS", "speech in seconds", "waveform", "player"},
        ("transcript", video): {"lines", "engine", "cost in USD", "table", "player"},
        ("translation", dub): {"characters", "cost in USD", "table", "player"},
        ("speech", dub): {"takes paid", "takes reused", "cost in USD", "table"},
        ("dubbed_track", dub): {"onset p95 in ms", "LUFS", "waveform", "table"},
        ("r2_object", dub): {"sha256", "track", "player"},
    }
    for (asset, partition), labels in expected.items():
        made = _materializations(platform, asset, partition)
        assert made, asset
        shown = {entry["label"] for entry in made[0]["metadataEntries"]}
        assert labels <= shown, asset


def test_an_operator_watches_what_others_need_a_link_for(
    platform: Platform, handed_in: Answer
) -> None:
    """By the links that Dagster shows beside the release, which its own server signs."""
    video = f"/videos/{handed_in['id']}"
    platform.api.patch(video, json={"visibility": "signed"}).raise_for_status()
    try:
        made = _materializations(platform, "r2_object", f"es|{handed_in['id']}")
        links = {entry["label"]: entry.get("url") for entry in made[0]["metadataEntries"]}
        answers = [
            httpx.get(
                f"{platform.settings.local_dagster_url}{links[label]}",
                timeout=HANG_SECONDS,
                follow_redirects=True,
            )
            for label in ("player", "track")
        ]
        watch = f"/watch?v={handed_in['id']}&lang=es"
        assert 404 == platform.api.get(watch).status_code
    finally:
        platform.api.patch(video, json={"visibility": "public"}).raise_for_status()
    assert [200, 200] == [answer.status_code for answer in answers]
    page, track = answers
    assert "By the river" in page.text
    assert str(page.url).startswith(f"{platform.settings.base_url}{watch}&expires=")
    assert platform.dub(handed_in["id"], "es")["numbers"]["bytes"] == len(track.content)


@pytest.mark.usefixtures("handed_in")
def test_the_daemons_log_has_nothing_of_empty_ticks(platform: Platform) -> None:
    """Of what happens it has all, as that a run was asked for."""
    log = platform.settings.home / "logs" / "dagster-daemon.log"
    platform.until(lambda: " for on_video_prepared" in log.read_text())
    text = log.read_text()
    assert "skipped: " not in text
    assert "Checking for new runs" not in text


def test_an_asset_is_materialized_again_from_the_ui(platform: Platform, handed_in: Answer) -> None:
    """The same request as the UI's button makes the track anew, and the release stays."""
    partition = f"es|{handed_in['id']}"
    before = len(_materializations(platform, "dubbed_track", partition))
    platform.materialize("dub_video", "dubbed_track", video=handed_in["id"], language="es")
    assert before + 1 == len(_materializations(platform, "dubbed_track", partition))
    assert "released" == platform.dub(handed_in["id"], "es")["status"]


def test_the_player_plays_what_was_released(platform: Platform, handed_in: Answer) -> None:
    """The watch page answers, and its media come with Range."""
    page = platform.api.get("/watch", params={"v": handed_in["id"], "lang": "es"})
    assert (200, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])
    url = platform.dub(handed_in["id"], "es")["video_url"]
    part = platform.api.get(url, headers={"Range": "bytes=0-99"})
    assert (206, 100, "video/mp4") == (
        part.status_code,
        len(part.content),
        part.headers["content-type"],
    )


def test_what_is_not_released_is_not_public(platform: Platform, handed_in: Answer) -> None:
    """The source and the artifacts have no address."""
    for key in (
        f"videos/{handed_in['id']}/upload.media",
        f"videos/{handed_in['id']}/transcript.json",
        "releases/../videos",
    ):
        assert 404 == platform.api.get(f"/media/{key}").status_code


def test_the_servers_say_that_they_are_well(platform: Platform) -> None:
    """The probes of the API, and Dagster's own."""
    assert 200 == platform.api.get("/health").status_code
    assert 200 == platform.api.get("/ready").status_code
    assert 200 == platform.api.get("/version").status_code
    ui = httpx.get(
        f"http://127.0.0.1:{platform.settings.dagster_port}/server_info", timeout=HANG_SECONDS
    )
    assert 200 == ui.status_code


def _jobs(platform: Platform, video_id: str) -> list[str]:
    tags = [{"key": VIDEO, "value": video_id}]
    runs = platform.ask_dagster(RUNS, tags=tags)["runsOrError"]["results"]
    return sorted(run["jobName"] for run in runs)


def _materializations(platform: Platform, asset: str, partition: str) -> list[Answer]:
    answer = platform.ask_dagster(MATERIALIZATIONS, asset=[asset], partition=partition)
    found: list[Answer] = answer["assetNodeOrError"]["assetMaterializations"]
    return found
