"""README, guides and operators' pages: every command is given as it stands there, page by page.

A reader has a checkout, the platform on this machine, a clip, and what the pages tell to put in
place of their examples: ID, THE ETAG, a key, the address of a deployment. Nothing else is changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from dub_platform.local.demo import SAMPLE, SAMPLE_SECONDS
from examples.sample.make_sample import SENTENCES
from tests.docs.documents import ROOT
from tests.docs.guide_pages import blocks, split_commands
from tests.integration.test_rolling_restart import await_ready
from tests.support.logged_errors import PROCESS_LOGS
from tests.support.patience import HANG_SECONDS
from tests.support.rig.platform import ASK_SECONDS, Platform, free_ports, running_platform

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("guides")]

# Where the pages have the reader's own platform, and a deployment that asks for keys.
HERE, DEPLOYED = "http://127.0.0.1:5001", "https://dub.example.com"
CHANNEL = "UC" + "x" * 22
WORDED = "docs/guides/wording.md"
# These have tests of their own.
APART = {WORDED, "docs/guides/events.md", "docs/guides/keys.md", "docs/guides/who-may-watch.md"}
RUN = dict.fromkeys(block.page for block in blocks("sh") if block.reason is None)
PAGES = [page for page in RUN if page not in APART]
# curl is told to fail where it is refused, and the desktop has a player.
CURLRC = "silent\nshow-error\nfail-with-body\n"
PLAYER = '#!/bin/sh\ntest -s "$1"\n'
MAKE = '#!/bin/sh\nexec /usr/bin/make --old-file=.venv/platform "$@"\n'


@dataclass
class Reader:
    """Who gives the commands, and remembers what answers named: `known` has the reader's own words
    by the examples of the pages."""

    checkout: Path
    environment: Mapping[str, str]
    known: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def follow(self, page: str) -> None:
        """Give each command of a page, in its order. Raises AssertionError where one fails."""
        self.printed.clear()
        for block in blocks("sh"):
            if block.page == page and block.reason is None:
                for command in split_commands(block.text):
                    self.give(command)

    def give(self, command: str) -> None:
        """Give a command to a shell. Raises AssertionError where it fails."""
        given = self.fill_in(command)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", given],
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        assert 0 == done.returncode, f"{given}\n{done.stdout}\n{done.stderr}"
        self.printed.append(done.stdout)
        self.remember(done.stdout)

    def fill_in(self, command: str) -> str:
        """The command with what the reader knows in place of the page's examples."""
        for example, own in self.known.items():
            whole = re.compile(rf"(?<![\w-]){re.escape(example)}(?!\w)")
            command = whole.sub(own.replace("\\", r"\\"), command)
        return command

    def remember(self, printed: str) -> None:
        """Keep the id, the ETag and the key that an answer names."""
        if found := re.search(r'(?m)^\{"id": ?"([^"]+)"', printed):
            self.known["ID"] = found[1]
        if found := re.search(r"(?im)^etag: (\S+)", printed):
            self.known['"THE ETAG"'] = found[1]
        if found := re.search(r"(?m)^(dub_[\w-]+)$", printed):
            self.known["dub_..."] = found[1]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """What `make up` starts."""
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="module")
def video(platform: Platform) -> str:
    """The reader's clip, dubbed into Spanish."""
    video = platform.hand_in(SAMPLE, "es")
    platform.await_release(video["id"], "es")
    return str(video["id"])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the repository has, and with the reader's clip and captions."""
    folder = tmp_path_factory.mktemp("checkout")
    for each in ROOT.iterdir():
        (folder / each.name).symlink_to(each)
    (folder / "clip.mp4").symlink_to(SAMPLE)
    (folder / "clip.srt").write_text(captions())
    (folder / "bin").mkdir()
    for name, text in (("paplay", PLAYER), ("make", MAKE)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    (folder / "home").mkdir()
    (folder / "home" / ".curlrc").write_text(CURLRC)
    return folder


@pytest.fixture(scope="module")
def reader(
    platform: Platform, video: str, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """A reader with a clip that is dubbed, and a deployment that asks for keys."""
    here, home = platform.settings.base_url, str(platform.settings.home)
    places = (checkout / "bin", sysconfig.get_path("scripts"), os.environ["PATH"])
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(map(str, places)),
        "HOME": str(checkout / "home"),
        "DUB_HOME": home,
        "DUB_URL": here,
    }
    asking = {"DUB_HOME": home, "DUB_AUTH": "keys", "DUB_LINK_SECRET": "x" * 32}
    backup = str(tmp_path_factory.mktemp("backup") / "dub")
    with api(asking) as deployed:
        known = {HERE: here, DEPLOYED: deployed, "/mnt/backup/dub": backup, "CHANNEL_ID": CHANNEL}
        yield Reader(checkout, environment, {**known, "ID": video})


@pytest.fixture
def worded(tmp_path: Path) -> Iterator[str]:
    """A deployment whose translator heeds a wording. Nothing is dubbed there."""
    paid = {"DUB_TRANSLATOR": "openai", "OPENAI_API_KEY": "sk-none", "DUB_DOWNLOADER": "youtube"}
    with api({"DUB_HOME": str(tmp_path / "home"), **paid}) as url:
        yield url


def captions() -> str:
    """What is said in the sample, as SubRip."""
    starts = [start for start, _ in SENTENCES] + [SAMPLE_SECONDS]
    return "".join(
        f"{n + 1}\n{_stamp(start)} --> {_stamp(starts[n + 1] - 0.8)}\n{text}\n\n"
        for n, (start, text) in enumerate(SENTENCES)
    )


def _stamp(seconds: float) -> str:
    return f"00:00:{int(seconds):02},{round(seconds % 1 * 1000):03}"


@contextmanager
def api(settings: Mapping[str, str]) -> Iterator[str]:
    """A process of the API with these settings; its address."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    home = Path(settings["DUB_HOME"])
    given = {**os.environ, "PORT": str(port), "DUB_LOG_FORMAT": "json", **settings}
    migrate = [sys.executable, "-m", "dub_platform.commands.admin", "migrate"]
    subprocess.run(migrate, env=given, cwd=ROOT, check=True, capture_output=True)
    command = [sys.executable, "-m", "uvicorn", "--factory", "api.asgi:create", "--port", str(port)]
    (home / "logs").mkdir(exist_ok=True)
    with PROCESS_LOGS.watch(home), (home / "logs" / f"api-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, env=given, cwd=ROOT, stdout=log, stderr=log)
        try:
            await_ready(url)
            yield url
        finally:
            process.terminate()
            process.wait()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page: str, platform: Platform, reader: Reader, video: str) -> None:
    """Each of its commands ends well."""
    reader.known["ID"] = video
    reader.follow(page)
    settle(platform)


def test_what_is_worded_is_taken(reader: Reader, worded: str) -> None:
    """Where the translator heeds it, as the page says."""
    known = {**reader.known, HERE: worded}
    Reader(reader.checkout, reader.environment, known).follow(WORDED)


def test_only_who_has_a_link_may_watch(reader: Reader) -> None:
    """After the page on keys, with the key that it made."""
    reader.follow("docs/guides/keys.md")
    given = "curl -H 'authorization: Bearer dub_...' -F file=@clip.mp4 -F languages=es"
    reader.give(f"{given} {DEPLOYED}/videos")
    reader.follow("docs/guides/who-may-watch.md")
    assert "signed" == json.loads(reader.printed[-1])["visibility"]


def test_the_stream_tells_what_the_page_shows(reader: Reader, video: str) -> None:
    """A dub's release, with the same fields."""
    shown = next(json.loads(block.text) for block in blocks("json") if "events" in block.page)
    reader.known["ID"] = video
    reader.follow("docs/guides/events.md")
    stream = next(said for said in reader.printed if "event: " in said)
    told = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    released = [each for each in told if each.get("type") == shown["type"]]
    assert released
    assert all(_fields(shown) == _fields(each) for each in released)
    with httpx.Client(base_url=reader.known[HERE]) as client:
        # Nobody is to be told of the pages that come after.
        for each in client.get("/webhooks").json()["webhooks"]:
            client.delete(f"/webhooks/{each['id']}").raise_for_status()


def test_a_request_is_logged_as_the_page_shows(platform: Platform, video: str) -> None:
    """A released file's, with the same fields."""
    shown = next(json.loads(block.text) for block in blocks("json") if "logs" in block.page)
    part = {"range": "bytes=0-9"}
    platform.api.get(platform.dub(video, "es")["track_url"], headers=part).raise_for_status()
    log = (platform.settings.home / "logs" / "api.log").read_text()
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    media = [each for each in records if each.get("route") == shown["route"]]
    assert [*map(_fields, media)] == [_fields(shown)] * len(media)
    assert (206, 10) == (media[-1]["status"], media[-1]["bytes_out"])


def settle(platform: Platform) -> None:
    """Return when nothing waits or runs any more: the next page begins with what is there."""
    platform.until(lambda: not _is_at_work(platform), pause=ASK_SECONDS)


def _is_at_work(platform: Platform) -> bool:
    videos = platform.api.get("/videos").raise_for_status().json()["videos"]
    states = {each["status"] for video in videos for each in (video, *video["dubs"])}
    return not states.isdisjoint({"queued", "running"})


def _fields(shown: Any) -> Any:
    """The names of the fields, down to the last."""
    return {name: _fields(each) for name, each in shown.items()} if isinstance(shown, dict) else ""
