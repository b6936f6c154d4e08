"""A YouTube with one video, and the downloader on its way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dub_platform.registry.records import NewVideo, Source, Video
from dub_platform.registry.sql import SqlRegistry
from resources.downloader.youtube import YouTubeDownloader
from tests.support.new_registries import make_registry
from tests.support.recipes.media import make_clip, make_sound, noise
from tests.support.servers import youtube_answers as answers
from tests.support.servers.youtube import YouTube, serving
from tests.support.servers.youtube_answers import Answer, Json

ID = "dQw4w9WgXcQ"
SECONDS = 3
VTT = "WEBVTT\n\n00:00:00.500 --> 00:00:02.500\n{text}\n"


@dataclass(frozen=True)
class Media:
    """A film of three seconds, as YouTube keeps it: pictures and sound apart, by itag."""

    pictures: bytes
    sound: bytes
    dubbed_sound: bytes

    def by_itag(self) -> dict[int, bytes]:
        return {137: self.pictures, 271: self.pictures, 140: self.sound, 141: self.dubbed_sound}

    def formats(self) -> list[Json]:
        """1080p and 1440p; the original sound, and a dub of a higher rate."""
        original = answers.audio_track("en-US", "English (United States) original", default=True)
        dubbed = answers.audio_track("es-US", "Spanish (United States)", default=False)
        return [
            answers.pictures(137, 1080, len(self.pictures)),
            answers.pictures(271, 1440, len(self.pictures)),
            answers.sound(140, len(self.sound), **original),
            answers.sound(141, len(self.dubbed_sound), bitrate=256_000, **dubbed),
        ]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    folder = tmp_path_factory.mktemp("media")
    hiss = noise(SECONDS)
    return Media(
        make_clip(folder / "pictures.mp4", seconds=SECONDS).read_bytes(),
        make_sound(folder / "sound.m4a", hiss).read_bytes(),
        make_sound(folder / "dubbed.m4a", hiss[::2]).read_bytes(),
    )


@pytest.fixture
def youtube(tmp_path: Path) -> Iterator[YouTube]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def normal(youtube: YouTube, media: Media) -> Callable[..., Answer]:
    """Shows a video that plays; what is given changes its player's answer."""

    def show(**changes: Any) -> Answer:
        spoken = [answers.caption_track(ID, "en"), answers.caption_track(ID, "es")]
        known = {"seconds": SECONDS, "formats": media.formats(), "captions": spoken}
        answer = Answer(
            answers.playable(ID, **{**known, **changes}),
            {"en": VTT.format(text="Flour and water."), "es": VTT.format(text="Harina y agua.")},
            media.by_itag(),
        )
        youtube.shows(ID, answer)
        return answer

    return show


@pytest.fixture
def refusing(youtube: YouTube) -> Callable[..., None]:
    """Shows a video that does not play, with the reason in place of the picture."""

    def show(status: str, reason: str, subreason: str = "", **details: Any) -> None:
        player = answers.refuse(ID, status, reason, subreason, **details)
        youtube.shows(ID, Answer(player, {}, {}))

    return show


@pytest.fixture
def downloader(youtube: YouTube) -> Callable[..., YouTubeDownloader]:
    """The downloader of a deployment that lies behind the server's proxy."""

    def make(**changes: Any) -> YouTubeDownloader:
        known = {"max_seconds": 60, "proxy": youtube.proxy, "ca_bundle": youtube.certificates}
        return YouTubeDownloader(**{**known, **changes})

    return make


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """The video as the registry knows it when its run begins."""
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    make_registry(url)
    return SqlRegistry.at(url).accept(NewVideo(ID, Source.YOUTUBE, language="en"), ["es"])[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The step's work folder."""
    path = tmp_path / "work"
    path.mkdir()
    return path
