"""A YouTube video fetched by the real yt-dlp from a server that answers as YouTube does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dub_platform.core.errors import (
    EngineUnavailableError,
    InvalidVideoIdError,
    SourceBotCheckError,
    SourceUnreachableError,
    StorageFullError,
)
from dub_platform.core.service.titles import LONGEST_TITLE
from dub_platform.registry.records import Source, Video
from resources.downloader.port import Downloaders
from resources.downloader.youtube import YouTubeDownloader
from resources.downloader.ytdlp import YtDlpOptions
from resources.media.ffmpeg import measure
from resources.media.probe import probe
from tests.resources.downloader.conftest import ID, SECONDS, VTT, Media
from tests.support.full_disks import no_file_beyond
from tests.support.servers import youtube_answers as answers
from tests.support.servers.youtube import Tunnel, YouTube
from tests.support.servers.youtube_answers import Answer

Show = Callable[..., Answer]
Make = Callable[..., YouTubeDownloader]

SECRET = "s3cr3t-visitor"
COOKIES = (
    "# Netscape HTTP Cookie File\n"
    f".youtube.com\tTRUE\t/\tTRUE\t4102444800\tVISITOR_INFO1_LIVE\t{SECRET}\n"
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_film_comes_with_its_facts_and_captions(
    normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """Title, channel, language and length are YouTube's; nothing else is left in the folder."""
    normal()
    fetched = downloader().fetch(video, folder)
    assert ["captions.vtt", "source.mp4"] == names(folder)
    assert folder / "source.mp4" == fetched.path
    told = (fetched.title, fetched.channel, fetched.language, fetched.seconds)
    assert (answers.TITLE, answers.CHANNEL, "en-US", SECONDS) == told
    assert answers.CHANNEL_ID == fetched.channel_id
    assert fetched.captions is not None
    assert VTT.format(text="Flour and water.") == fetched.captions.read_text()


def test_a_film_has_its_pictures_and_its_original_sound(
    normal: Show, youtube: YouTube, downloader: Make, video: Video, folder: Path
) -> None:
    """1080p and not more, and the language that was spoken, whatever a dub's rate is."""
    normal()
    facts = probe(downloader().fetch(video, folder).path, max_seconds=60)
    assert ("h264", "aac") == (facts.video_codec, facts.audio_codec)
    assert pytest.approx(SECONDS, abs=0.1) == facts.seconds
    assert ["137", "140"] == sorted(each.query["itag"] for each in youtube.media_asked())


def test_without_hosting_only_the_sound_is_fetched(
    normal: Show, youtube: YouTube, downloader: Make, video: Video, folder: Path
) -> None:
    """Pictures that nobody will be shown are not downloaded."""
    normal()
    fetched = downloader(host_video=False).fetch(video, folder)
    assert "source.m4a" == fetched.path.name
    assert pytest.approx(SECONDS, abs=0.1) == measure(fetched.path).seconds
    assert ["140"] == [each.query["itag"] for each in youtube.media_asked()]


def test_titles_are_strangers_text(
    normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """What controls a terminal or turns a line around is not in them, and they have an end."""
    normal(title="\u202eBread\x1b[2J\nand " + "x" * 500, author="The\x07 Bakery\u2028" + "y" * 500)
    fetched = downloader(host_video=False).fetch(video, folder)
    assert ("Bread [2J and " + "x" * 500)[:LONGEST_TITLE] == fetched.title
    assert ("The Bakery " + "y" * 500)[:LONGEST_TITLE] == fetched.channel


@pytest.mark.parametrize("channel_id", ["UC/../../0123456789012345", "UC1", ""])
def test_a_channel_without_an_id_of_one_has_none(
    normal: Show, downloader: Make, video: Video, folder: Path, channel_id: str
) -> None:
    """It would be a part of addresses."""
    normal(channelId=channel_id)
    assert downloader(host_video=False).fetch(video, folder).channel_id is None


def test_a_title_given_by_the_user_stays(
    normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """YouTube's title is for videos that came without one."""
    normal()
    named = replace(video, title="Mine")
    assert "Mine" == downloader(host_video=False).fetch(named, folder).title


@pytest.mark.parametrize(
    ("tracks", "language"),
    [
        ([("en", False), ("es", False)], "en"),
        ([("es", False), ("en-GB", False)], "en-GB"),
        ([("en", True)], None),
        ([("en", True), ("es", False)], None),
        ([], None),
    ],
    ids=["the spoken language", "of another country", "automatic", "translated", "none"],
)
def test_captions_are_those_that_people_wrote_in_the_language_spoken(
    youtube: YouTube,
    normal: Show,
    downloader: Make,
    video: Video,
    folder: Path,
    tracks: list[tuple[str, bool]],
    language: str | None,
) -> None:
    """Neither YouTube's own recognition nor a translation stands in for them."""
    shown = [answers.caption_track(ID, code, automatic=auto) for code, auto in tracks]
    answer = normal(captions=shown)
    youtube.shows(ID, replace(answer, captions={code: VTT for code, _ in tracks}))
    fetched = downloader(host_video=False).fetch(video, folder)
    asked = [each.query["lang"] for each in youtube.asked if each.path == "/api/timedtext"]
    assert ([language] if language else []) == asked
    assert (language is not None) == (fetched.captions is not None)


def test_a_video_whose_captions_fail_comes_without_them(
    youtube: YouTube, normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """YouTube often refuses captions alone; that is said and is no reason to fail."""
    normal()
    youtube.faults["/api/timedtext"] = lambda tunnel: tunnel.refuse(429)
    said: list[str] = []
    assert downloader(host_video=False).fetch(video, folder, said.append).captions is None
    assert any("captions could not be fetched" in line and "429" in line for line in said)


def test_a_download_that_breaks_off_goes_on_where_it_was(
    youtube: YouTube, normal: Show, downloader: Make, media: Media, video: Video, folder: Path
) -> None:
    """What has come is not asked for again, and the file is whole."""
    normal()

    def cut_once(tunnel: Tunnel) -> bool:
        if len(youtube.media_asked()) > 1:
            return False
        tunnel.give_media(media.sound, most=len(media.sound) // 2)
        return True

    youtube.faults["/videoplayback"] = cut_once
    fetched = downloader(host_video=False).fetch(video, folder)
    first, second = youtube.media_asked()
    assert first.span.startswith("bytes=0-")
    assert 0 < int(re.findall(r"\d+", second.span)[0]) <= len(media.sound) // 2
    assert pytest.approx(SECONDS, abs=0.1) == measure(fetched.path).seconds


def test_progress_names_both_parts_of_a_film(
    normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """Each is said to be complete, with its size."""
    normal()
    said: list[str] = []
    Downloaders({Source.YOUTUBE: downloader()}).fetch(video, folder, said.append)
    complete = [line for line in said if "100 %" in line]
    assert ["YouTube, pictures", "YouTube, sound"] == [line.split(":")[0] for line in complete]


@pytest.mark.parametrize("host_video", [True, False])
def test_a_full_disk_is_no_refusal_of_youtubes(
    normal: Show, downloader: Make, video: Video, folder: Path, host_video: bool
) -> None:
    """Nothing of what had come is left, and with space the same video comes whole."""
    normal()
    fetch = partial(downloader(host_video=host_video).fetch, video, folder)
    with no_file_beyond(10_000), pytest.raises(StorageFullError, match="the download could not"):
        fetch()
    assert [] == names(folder)
    assert pytest.approx(SECONDS, abs=0.1) == measure(fetch().path).seconds


@pytest.mark.parametrize("path", ["/watch", "/videoplayback"])
def test_a_server_that_hangs_is_left_at_the_deadline(
    youtube: YouTube, normal: Show, downloader: Make, video: Video, folder: Path, path: str
) -> None:
    """Whether it hangs before or in the download; what had come is removed."""
    normal()
    over = threading.Event()
    youtube.faults[path] = lambda _: over.wait()
    try:
        with pytest.raises(SourceUnreachableError, match="not fetched within 3 s"):
            downloader(deadline_seconds=3.0).fetch(video, folder)
    finally:
        over.set()
    assert [] == names(folder)


def test_media_held_back_is_a_bot_check_and_leaves_nothing(
    youtube: YouTube, normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """YouTube answers 403 to media addresses of clients it does not trust."""
    normal()
    youtube.faults["/videoplayback"] = lambda tunnel: tunnel.refuse(403)
    with pytest.raises(SourceBotCheckError) as refused:
        downloader().fetch(video, folder)
    assert "DUB_YOUTUBE_COOKIES" in refused.value.sentence
    assert answers.SIGNATURE not in str(refused.value.as_details())
    assert [] == names(folder)


@pytest.mark.parametrize("video_id", ["../../etc/pw", "dQw4w9WgXcQ&list=PL1", "up-" + "0" * 32])
def test_only_eleven_characters_make_an_address(
    youtube: YouTube, downloader: Make, video: Video, folder: Path, video_id: str
) -> None:
    """Anything else is refused before YouTube is asked."""
    with pytest.raises(InvalidVideoIdError):
        downloader().fetch(replace(video, id=video_id), folder)
    assert [] == youtube.asked


def test_cookies_are_used_from_a_copy(
    youtube: YouTube,
    normal: Show,
    downloader: Make,
    video: Video,
    folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """YouTube sees them, the operator's file stays as it is, and a bad line of it is not shown."""
    normal()
    written = f"{COOKIES}.youtube.com\tTRUE\t{SECRET}\n"
    cookies = tmp_path / "cookies.txt"
    cookies.write_text(written)
    downloader(host_video=False, cookies=cookies).fetch(video, folder)
    assert SECRET in youtube.asked[0].cookies
    assert {""} == {each.cookies for each in youtube.media_asked()}
    assert written == cookies.read_text()
    assert ["captions.vtt", "source.m4a"] == names(folder)
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("content", [None, "", '[{"name": "SID"}]', "\udcff"])
def test_a_file_without_cookies_is_refused_at_start(tmp_path: Path, content: str | None) -> None:
    """The sentence names the setting, and nothing of what the file holds."""
    cookies = tmp_path / "cookies.txt"
    if content is not None:
        cookies.write_text(content, errors="surrogateescape")
    with pytest.raises(EngineUnavailableError, match="DUB_YOUTUBE_COOKIES") as refused:
        YouTubeDownloader(60, cookies=cookies).check()
    assert "SID" not in refused.value.sentence


def test_a_proxys_password_is_not_shown(normal: Show, video: Video, folder: Path) -> None:
    """Neither by the downloader's repr nor by the error when the proxy is not there."""
    normal()
    downloader = YouTubeDownloader(60, proxy=f"http://me:{SECRET}@127.0.0.1:9")
    with pytest.raises(SourceUnreachableError, match="DUB_YOUTUBE_PROXY") as refused:
        downloader.fetch(video, folder)
    assert SECRET not in repr(downloader)
    assert SECRET not in str(refused.value.as_details())
    assert [] == names(folder)


def test_a_certificate_that_is_not_trusted_ends_it(
    normal: Show, downloader: Make, video: Video, folder: Path
) -> None:
    """A stranger on the line is not YouTube."""
    normal()
    with pytest.raises(SourceUnreachableError) as refused:
        downloader(ca_bundle=None).fetch(video, folder)
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value.detail)


def test_the_machines_plugins_and_settings_are_not_used(
    youtube: YouTube,
    normal: Show,
    downloader: Make,
    video: Video,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plugin that yt-dlp would load here, and a proxy of the user's settings, do nothing."""
    normal()
    marker = tmp_path / "loaded"
    plugins = tmp_path / "home" / ".config" / "yt-dlp" / "plugins" / "mine" / "yt_dlp_plugins"
    (plugins / "extractor").mkdir(parents=True)
    (plugins / "extractor" / "mine.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    (tmp_path / "home" / ".config" / "yt-dlp" / "config").write_text("--write-info-json\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    downloader(host_video=False).fetch(video, folder)
    assert not marker.exists()
    assert ["captions.vtt", "source.m4a"] == names(folder)

    subprocess.run([sys.executable, "-c", "import yt_dlp; yt_dlp.YoutubeDL()"], check=True)
    assert marker.exists()


def test_the_process_knows_no_key_and_one_extractor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """yt-dlp runs what YouTube sends it, so it is given nothing that is not its business."""
    import yt_dlp

    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    way = YtDlpOptions(folder)
    assert SECRET not in way.environment().values()
    assert ["Youtube"] == list(yt_dlp.YoutubeDL(way.options())._ies)


class TokenServer(BaseHTTPRequestHandler):
    """A PO token provider, as bgutil's server answers."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"poToken": "dG9rZW4=", "contentBinding": asked["content_binding"]})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads them."""


@pytest.fixture
def token_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), TokenServer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def wary(youtube: YouTube, normal: Show) -> None:
    """YouTube refuses every client but the one that has to bring a token."""
    normal()
    bot = answers.refuse(ID, "LOGIN_REQUIRED", "Sign in to confirm you’re not a bot")

    def refuses(tunnel: Tunnel) -> bool:
        if b'"MWEB"' in tunnel.body:
            return False
        tunnel.give_json(bot)
        return True

    youtube.faults["/youtubei/v1/player"] = refuses


@pytest.mark.usefixtures("wary")
def test_a_token_server_gets_past_the_bot_check(
    youtube: YouTube, downloader: Make, token_server: str, video: Video, folder: Path
) -> None:
    """The media is asked for with the token that it gave."""
    downloader(host_video=False, po_token_url=token_server).fetch(video, folder)
    assert ["dG9rZW4="] == [each.query["pot"] for each in youtube.media_asked()]


@pytest.mark.usefixtures("wary")
def test_a_token_server_that_is_not_there_is_named(
    downloader: Make, video: Video, folder: Path
) -> None:
    """The operator reads it beside YouTube's refusal."""
    with pytest.raises(SourceBotCheckError) as refused:
        downloader(po_token_url="http://127.0.0.1:9").fetch(video, folder)
    assert "token-server" in str(refused.value.detail)
