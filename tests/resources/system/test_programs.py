"""Helper programs: none outlives the process that started it, however that one ends.

Each is started by the code that starts it in production, in a process that is then killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from resources.system.programs import tie_to_parent
from tests.resources.downloader.conftest import ID, media, normal, youtube
from tests.support.patience import wait_until
from tests.support.processes import is_gone
from tests.support.servers.youtube import YouTube

__all__ = ["media", "normal", "youtube"]

ROOT = Path(__file__).parents[3]
LAUNCHER = "bound_process.py"

FFMPEG = """
import ffmpeg
from resources.media import ffmpeg as media
media.run(ffmpeg.input("endless").output("-", format="null"))
"""
PROBE = """
from pathlib import Path
from resources.media.probe import probe
probe(Path("endless"), max_seconds=60)
"""
POCKETSPHINX = """
from pathlib import Path
from dub_platform.core.speech import Span
from resources.transcriber.pocketsphinx import PocketsphinxTranscriber
PocketsphinxTranscriber().transcribe(Path("speech.wav"), [Span(0.0, 60.0)], "en")
"""
ESPEAK = """
import threading
from pathlib import Path
from resources.voice.espeak import EspeakVoice
from resources.providers.paid_once import Bill
from resources.voice.port import Reading
voice = EspeakVoice()
voice.speak(Reading("Hola.", "es"), into=Path("take.wav"), bill=Bill())
threading.Event().wait()
"""
YTDLP = """
from pathlib import Path
from resources.downloader.ytdlp import YtDlp, YtDlpOptions
from resources.media import ffmpeg
ffmpeg.choose(Path("bin/ffmpeg").resolve())
trusted = Path({certificates!r})
way = YtDlpOptions(Path("download"), pictures=True, proxy={proxy!r}, ca_bundle=trusted)
with YtDlp.visiting("https://www.youtube.com/watch?v={id}", way, deadline_seconds=600) as visit:
    visit.facts()
    visit.download(captions=None, into=Path("captions.vtt"), progress=print)
"""

Start = Callable[[str], psutil.Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a script of a run worker in a folder of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(script: str) -> psutil.Process:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": _path(tmp_path)}
        command = [sys.executable, "-c", script]
        started.append(subprocess.Popen(command, cwd=tmp_path, env=environment))
        return psutil.Process(started[-1].pid)

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def endless(tmp_path: Path) -> None:
    """A file that nobody ever writes into: who opens it waits."""
    os.mkfifo(tmp_path / "endless")


@pytest.fixture
def speech(tmp_path: Path) -> None:
    """A minute to decode."""
    with wave.open(str(tmp_path / "speech.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(2 * 60 * 16_000))


@pytest.mark.usefixtures("endless", "speech")
@pytest.mark.parametrize(
    ("program", "script"),
    [("null", FFMPEG), ("probe_process.py", PROBE), ("sphinx_process.py", POCKETSPHINX)],
    ids=["ffmpeg", "probe", "pocketsphinx"],
)
def test_a_program_at_work_ends_with_its_killed_owner(
    start: Start, program: str, script: str
) -> None:
    """Even one that looks up from its work for nobody: here, because it is stopped."""
    owner = start(script)
    working = _await(program, owner)
    for each in working:
        each.suspend()
    owner.kill()
    assert is_gone(*(each.pid for each in working))


def test_espeak_ends_with_its_killed_owner(start: Start) -> None:
    """Its input closes, and no line takes it long."""
    owner = start(ESPEAK)
    working = _await("espeak_process.py", owner)
    owner.kill()
    assert is_gone(*(each.pid for each in working))


def test_yt_dlp_ends_with_its_killed_owner_and_so_does_what_it_started(
    start: Start, youtube: YouTube, normal: Callable[..., object], tmp_path: Path
) -> None:
    """It is in the middle of a video, and waits for an ffmpeg that never ends."""
    normal()
    (tmp_path / "download").mkdir()
    _never_ending(tmp_path / "bin" / "ffmpeg")
    owner = start(YTDLP.format(proxy=youtube.proxy, certificates=str(youtube.certificates), id=ID))
    (ytdlp,) = _await("ytdlp_process.py", owner)
    working = [ytdlp, *_await("600", ytdlp)]
    owner.kill()
    assert is_gone(*(each.pid for each in working))


def test_a_program_whose_owner_is_gone_already_does_not_start(tmp_path: Path) -> None:
    """It was killed before its program could ask to be told."""
    made = tmp_path / "made"
    command = tie_to_parent(["/usr/bin/touch", str(made)])
    in_between = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]
    subprocess.run([*in_between, *command], check=True)
    assert not made.exists()


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM])
def test_a_program_hears_the_signals_it_would_hear(number: signal.Signals) -> None:
    """As if it had been started without a word about its end: a full pipe or disk ends it."""
    kill = ["/bin/sh", "-c", f"kill -{int(number)} $$"]
    assert -number == subprocess.run(tie_to_parent(kill), check=False).returncode


def _path(folder: Path) -> str:
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


def _never_ending(program: Path) -> None:
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)


def _await(program: str, owner: psutil.Process) -> Sequence[psutil.Process]:
    """The processes that run it for the owner."""

    def running() -> Sequence[psutil.Process]:
        assert owner.is_running()
        return [each for each in owner.children() if _runs(each, program)]

    wait_until(running)
    return running()


def _runs(process: psutil.Process, program: str) -> bool:
    """Whether it has become the program: first it is a fork of its owner, then the launcher."""
    try:
        words = process.cmdline()
    except psutil.NoSuchProcess:
        # A helper of its owner's, which has ended since it was listed.
        return False
    return any(word.endswith(program) for word in words) and not _is_launcher(words)


def _is_launcher(words: Sequence[str]) -> bool:
    return any(word.endswith(LAUNCHER) for word in words)
