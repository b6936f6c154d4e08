"""The commands behind `make demo` and `make up`, as a person runs them."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO

import httpx
import pytest
from dagster import DagsterRunStatus

from dub_platform.local.dagster_storage import open_instance
from dub_platform.local.demo import SAMPLE
from dub_platform.local.stack import CHECKOUT, PARENT, SERVERS, TABLES
from tests.docs.guide_pages import blocks
from tests.support.nuisances import nuisances
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.platform import free_ports

pytestmark = pytest.mark.xdist_group("commands")  # one stack serves them all

LOCAL = [sys.executable, "-m", "dub_platform.local"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A home and ports of its own."""
    port, dagster_port = free_ports(2)
    home = tmp_path_factory.mktemp("la città", numbered=False)
    return {
        **os.environ,
        "DUB_HOME": str(home),
        # Whatever models this machine has, the demo is the one without any.
        "DUB_MODELS_DIR": str(home / "models"),
        "PORT": str(port),
        "DAGSTER_PORT": str(dagster_port),
    }


@pytest.fixture(scope="module")
def demo(
    environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """`make demo` where everything lies about that people have on their machines."""
    given = {**environment, **nuisances(tmp_path_factory.mktemp("nuisances"))}
    # It is installed: these tests run in it.
    make = ["make", "--old-file=.venv/platform", "demo"]
    return subprocess.run(
        make,
        cwd=CHECKOUT,
        env=given,
        umask=0o077,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_the_demo_dubs_the_sample_and_ends_well(demo: subprocess.CompletedProcess[str]) -> None:
    """It ends with 0, and its table names every kind of artifact."""
    assert 0 == demo.returncode, demo.stdout
    for artifact in ("track, es", "track, ca", "captions, es, vtt", "film, all languages"):
        assert artifact in demo.stdout


def test_the_demo_shows_progress_by_stage(demo: subprocess.CompletedProcess[str]) -> None:
    """Stages are printed as they are reached, ending with both languages released."""
    for line in ("video  prepared", "es     released", "ca     released"):
        assert line in demo.stdout


def test_the_start_says_what_is_ready_and_what_is_waited_for(
    demo: subprocess.CompletedProcess[str],
) -> None:
    """A line for each of the servers, the last when all are there."""
    ready = re.findall(r"(?m)^ +[\d.]+ s  (\S+) ready(?:; waiting for (.+))?$", demo.stdout)
    assert (PARENT, ", ".join((TABLES, *SERVERS))) == ready[0]
    assert [*SERVERS] == [name for name, _ in ready[2:]]
    assert ("dagster-daemon", "") == ready[-1]


def test_the_demo_says_how_long_it_took_and_where_to_look(
    demo: subprocess.CompletedProcess[str], environment: Mapping[str, str]
) -> None:
    """The dub time, a watch link for each language, and the Dagster link."""
    assert "Dub time, from POST to both languages released:" in demo.stdout
    assert f"\nhttp://127.0.0.1:{environment['PORT']}/watch?v=up-" in demo.stdout
    assert f"\nhttp://127.0.0.1:{environment['DAGSTER_PORT']}/assets\n" in demo.stdout


def test_links_that_are_dead_when_they_are_read_are_told(
    demo: subprocess.CompletedProcess[str],
) -> None:
    """Nobody is there to press a key, so all is stopped: that comes before them."""
    told, links = map(demo.stdout.index, ("`make up` opens these", "/watch?v="))
    assert told < links
    assert "Press Enter" not in demo.stdout
    addresses = [line for line in demo.stdout.splitlines() if "://" in line]
    assert all(re.fullmatch(r"http://\S+", line) for line in addresses)


@pytest.mark.parametrize("page", ["README.md", "docs/guides/first-steps.md"])
def test_the_demo_prints_what_the_pages_show(
    page: str, demo: subprocess.CompletedProcess[str]
) -> None:
    """Every line of it, with other numbers; `…` stands for what is left out. What it says to who
    sits at a terminal, another test reads there."""
    shown = next(block.text for block in blocks("") if block.page == page)
    lines = [line for line in shown.splitlines() if line and not line.startswith("Press Enter")]
    assert [] == [line for line in lines if not re.search(_shape(line), demo.stdout, re.MULTILINE)]


def _shape(line: str) -> str:
    tokens = re.findall(r"[0-9a-f]{16,}|\d[\d,.]*|\s+|.", line.strip())
    return r"^\s*" + "".join(map(_shape_of_token, tokens))


def _shape_of_token(token: str) -> str:
    if len(token) >= 16:
        return "[0-9a-f]+"
    if token[0].isdigit():
        return r"[\d.,]+"
    return ".*" if token == "…" else r"\s+" if token.isspace() else re.escape(token)


@pytest.mark.usefixtures("demo")
def test_a_second_demo_reuses_what_is_there_and_says_so(environment: Mapping[str, str]) -> None:
    """Nothing is dubbed again. At a terminal its links work until somebody presses Enter."""
    with _in_terminal("demo", environment) as (process, terminal):
        printed = _read_until(terminal, "Press Enter to stop")
        links = re.findall(r"(?m)^(http://\S+/(?:watch\?|assets)\S*)\r?$", _without_marks(printed))
        assert [200, 200, 200] == [
            httpx.get(link, timeout=HANG_SECONDS, trust_env=False).status_code for link in links
        ]
        os.write(terminal, b"\n")
        assert 0 == process.wait(HANG_SECONDS)
    assert "known from before, so what is there is reused" in printed
    assert "dubbed_track" not in printed
    assert [] == _processes_of(environment["DUB_HOME"])


@pytest.mark.usefixtures("demo")
def test_the_demo_stops_no_run_before_its_end(environment: Mapping[str, str]) -> None:
    """A release comes a moment before the end of its run, which would be made once more."""
    with open_instance(Path(environment["DUB_HOME"]) / "dagster") as instance:
        runs = instance.get_run_records()
    # A machine that is too busy to start one in time gives it up, and another is asked for.
    began = [run for run in runs if run.start_time is not None]
    assert 3 == len(began)
    assert {DagsterRunStatus.SUCCESS} == {run.dagster_run.status for run in began}


@pytest.mark.usefixtures("demo")
def test_the_demo_stops_what_it_started(environment: Mapping[str, str]) -> None:
    """Both ports are free again, and no process works in its home."""
    for name in ("PORT", "DAGSTER_PORT"):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(environment[name]))) != 0
    assert [] == _processes_of(environment["DUB_HOME"])


def test_a_taken_port_is_said_in_a_sentence(environment: Mapping[str, str]) -> None:
    """With the variable that moves it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["DAGSTER_PORT"])))
        taken.listen()
        refused = _run("up", environment)
    assert 1 == refused.returncode
    assert f"Port {environment['DAGSTER_PORT']} is taken" in refused.stdout
    assert "DAGSTER_PORT=" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_a_wrong_setting_is_said_by_name(environment: Mapping[str, str]) -> None:
    """Not in the middle of a video, and not as a traceback."""
    refused = _run("up", {**environment, "DUB_VOICE": "parrot"})
    assert 1 == refused.returncode
    assert "DUB_VOICE" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_what_a_server_lacks_is_said_in_a_sentence(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Without Apertium, what to install, and no traceback."""
    refused = _run("up", {**environment, "PATH": str(tmp_path)})
    assert 1 == refused.returncode
    said = "Start failed. Apertium or its language data are not installed. Install one of the"
    assert said in refused.stdout
    assert "Traceback" not in refused.stdout


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make up` says."""
    return tmp_path_factory.mktemp("said") / "up.txt"


@pytest.fixture(scope="module")
def up(environment: Mapping[str, str], said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`make up`, until a test or the last one ends it."""
    with said.open("wb") as output, _started("up", environment, output) as process:
        _await_api(environment)
        yield process


@pytest.mark.usefixtures("up")
def test_up_says_what_happens_to_a_video(environment: Mapping[str, str], said: Path) -> None:
    """One line for each event, with the language where it is a dub's."""
    url = f"http://127.0.0.1:{environment['PORT']}/videos"
    content = SAMPLE.read_bytes() + b"another"
    answer = httpx.post(
        url,
        files={"file": ("clip.mp4", content)},
        data={"languages": "es"},
        timeout=HANG_SECONDS,
        trust_env=False,
    )
    video_id = answer.raise_for_status().json()["id"]
    for line in (f"{video_id}  source_media", f"{video_id} es  queued"):
        wait_until(partial(_has, said, line))


@pytest.mark.usefixtures("up")
def test_two_platforms_do_not_share_a_home(environment: Mapping[str, str]) -> None:
    """The second is told to take another folder."""
    port, dagster_port = free_ports(2)
    second = _run("up", {**environment, "PORT": str(port), "DAGSTER_PORT": str(dagster_port)})
    assert 1 == second.returncode
    assert "Another platform is running in" in second.stdout


def test_ctrl_c_stops_everything(
    environment: Mapping[str, str], up: subprocess.Popen[bytes]
) -> None:
    """`make up` goes on until then, and leaves nothing running."""
    assert up.poll() is None
    up.send_signal(signal.SIGINT)
    assert 0 == up.wait(HANG_SECONDS)
    assert [] == _processes_of(environment["DUB_HOME"])


def _run(command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOCAL, command],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


@contextlib.contextmanager
def _in_terminal(
    command: str, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command at a terminal of its own, and the other end of that."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*LOCAL, command],
        env={**environment, "TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)
        os.close(ours)


def _read_until(terminal: int, last: str) -> str:
    """What is shown up to this."""
    printed = b""
    while last.encode() not in printed:
        printed += os.read(terminal, 4096)
    return printed.decode()


def _without_marks(printed: str) -> str:
    """What is shown, without colours and without what can be clicked."""
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\x1b\]8;[^\x1b]*\x1b\\", "", printed)


@contextlib.contextmanager
def _started(
    command: str, environment: Mapping[str, str], output: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*LOCAL, command], env=dict(environment), stdout=output, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)


def _await_api(environment: Mapping[str, str]) -> None:
    """Wait until it takes videos, which it does before the other servers are ready."""
    url = f"http://127.0.0.1:{environment['PORT']}/health"

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, trust_env=False)
            return True
        return False

    wait_until(answers, pause=0.1)


def _processes_of(home: str) -> list[str]:
    """The command lines of processes whose environment names this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"DUB_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def _has(said: Path, line: str) -> bool:
    return line in said.read_text()
