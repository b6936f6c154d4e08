"""The fork server: what it forks, what it tells of it, and what ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dub_platform.local.fork_server import ForkServer, Program, Status
from dub_platform.local.stack import IMPORTS

pytestmark = pytest.mark.xdist_group("fork server")  # one server serves most of them
# What a hang reaches, and no machine that is busy.
HANG_SECONDS = 600
LOOKS = """
import os, sys
names = "dagster", "dub_platform.definitions", "onnxruntime", "dagster_webserver.cli"
print(*(name in sys.modules for name in names), len(os.listdir("/proc/self/task")))
"""
# Ends a while after it is told to, so that who does not wait for it ends first.
LASTS = """
import signal, sys, time
def end(*_):
    time.sleep(0.5)
    print(sys.argv[1], "ends", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("waits", flush=True)
time.sleep(600)
"""
WAITS = "import os, sys, time; print(os.getpid(), sys.argv[1:], flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of modules to run."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "waits.py").write_text(WAITS)
    (folder / "leaves.py").write_text("import sys; sys.exit(int(sys.argv[1]))")
    (folder / "told.py").write_text("import sys; print('told', *sys.argv[1:], flush=True)")
    (folder / "lasts.py").write_text(LASTS)
    (folder / "looks.py").write_text(LOOKS)
    return folder


@contextlib.contextmanager
def serving(socket: Path, modules: Path, *imported: str) -> Iterator[subprocess.Popen[bytes]]:
    """A fork server that listens there, and has imported the modules."""
    command = [sys.executable, "-m", "dub_platform.local.fork_server", str(socket), *imported]
    environment = {
        **os.environ,
        "DUB_HOME": str(modules / "home"),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(modules),
    }
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    try:
        until(ForkServer(socket).answers)
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(HANG_SECONDS)


@pytest.fixture(scope="module")
def server(modules: Path) -> Iterator[ForkServer]:
    """One for all tests that leave it as it was."""
    with serving(modules / "socket", modules, *IMPORTS):
        yield ForkServer(modules / "socket")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_written(log: Path) -> str:
    until(lambda: log.exists() and log.read_text().endswith("\n"))
    return log.read_text()


def test_a_program_runs_as_a_module_with_its_arguments(server: ForkServer, tmp_path: Path) -> None:
    """In a process of its own, whose output goes to its log."""
    server.start(Program("arguments", "waits", ("a b", "é"), tmp_path / "one.log"))
    assert until_written(tmp_path / "one.log").endswith("['a b', 'é']\n")
    assert Status("running", None) == server.status("arguments")


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_status_is_remembered(server: ForkServer, tmp_path: Path, code: int) -> None:
    """Nobody has to ask while the program runs."""
    name = f"leaves with {code}"
    server.start(Program(name, "leaves", (str(code),), tmp_path / "one.log"))
    until(lambda: server.status(name).state == "ended")
    assert Status("ended", code) == server.status(name)


def test_what_was_never_started_is_unknown(server: ForkServer) -> None:
    """As is what was started by a fork server that is gone."""
    assert Status("unknown", None) == server.status("nobody")


def test_a_signal_reaches_the_program(server: ForkServer, tmp_path: Path) -> None:
    """Whether there was one to reach is told."""
    server.start(Program("signal", "waits", (), tmp_path / "one.log"))
    until_written(tmp_path / "one.log")
    assert server.send_signal("signal", signal.SIGTERM)
    until(lambda: server.status("signal").state == "ended")
    assert Status("ended", -signal.SIGTERM) == server.status("signal")
    assert not server.send_signal("signal", signal.SIGTERM)


def test_a_crash_is_told_to_the_module_that_is_to_hear_of_it(
    server: ForkServer, tmp_path: Path
) -> None:
    """With the program's name and the signal that ended it."""
    log = tmp_path / "one.log"
    server.start(Program("crash", "waits", (), log, on_crash="told"))
    pid = int(until_written(log).split()[0])
    os.kill(pid, signal.SIGKILL)
    until(lambda: "told" in log.read_text())
    assert log.read_text().endswith("told crash -9\n")


def test_a_good_end_is_no_crash(server: ForkServer, tmp_path: Path) -> None:
    """Nobody is told of it."""
    log = tmp_path / "one.log"
    server.start(Program("good", "leaves", ("0",), log, on_crash="told"))
    until(lambda: server.status("good").state == "ended")
    server.start(Program("two", "leaves", ("0",), log))
    until(lambda: server.status("two").state == "ended")
    assert "" == log.read_text()
    assert Status("unknown", None) == server.status("good crashed")


def test_a_name_is_one_programs(server: ForkServer, tmp_path: Path) -> None:
    """A second would hide the first, which nobody could stop any more."""
    first = Program("twice", "waits", (), tmp_path / "one.log")
    server.start(first)
    with pytest.raises(OSError, match="twice is running"):
        server.start(first)


def test_what_is_imported_is_imported_before_the_fork(server: ForkServer, tmp_path: Path) -> None:
    """Servers and runs find Dagster and the definitions there, and no thread beside their own."""
    server.start(Program("imports", "looks", (), tmp_path / "one.log"))
    assert "True True True True 1\n" == until_written(tmp_path / "one.log")


def test_programs_end_with_whoever_started_the_server(modules: Path, tmp_path: Path) -> None:
    """Its end of standard input is closed then, however it ended."""
    with serving(tmp_path / "socket", modules):
        server = ForkServer(tmp_path / "socket")
        server.start(Program("one", "waits", (), tmp_path / "one.log"))
        pid = int(until_written(tmp_path / "one.log").split()[0])
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "socket").exists()


def test_programs_end_with_a_server_that_is_killed(modules: Path, tmp_path: Path) -> None:
    """The kernel ends them: nobody would know of them any more."""
    with serving(tmp_path / "socket", modules) as process:
        server = ForkServer(tmp_path / "socket")
        server.start(Program("one", "waits", (), tmp_path / "one.log"))
        pid = int(until_written(tmp_path / "one.log").split()[0])
        process.kill()
        process.wait(HANG_SECONDS)
        until(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))
    assert not ForkServer(tmp_path / "socket").answers()
    with serving(tmp_path / "socket", modules):
        assert Status("unknown", None) == ForkServer(tmp_path / "socket").status("one")


def test_a_question_that_is_none_is_refused_and_the_next_is_answered(server: ForkServer) -> None:
    """A program without its module, say."""
    with pytest.raises(OSError, match="did not do what it was asked"):
        server._ask({"do": "start", "program": {"name": "nobody"}})
    assert Status("unknown", None) == server.status("nobody")


def test_a_folder_may_have_a_long_name(modules: Path, tmp_path: Path) -> None:
    """An address of a socket is short, a path need not be."""
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    with serving(deep / "socket", modules):
        assert Status("unknown", None) == ForkServer(deep / "socket").status("one")


def test_a_folder_that_takes_no_socket_is_said_in_a_sentence(modules: Path, tmp_path: Path) -> None:
    """Some file systems have none."""
    command = [sys.executable, "-m", "dub_platform.local.fork_server", str(tmp_path / "no" / "one")]
    environment = {**os.environ, "DUB_HOME": str(modules / "home")}
    refused = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == refused.returncode
    assert f"No socket can be made in {tmp_path / 'no'}: No such file" in refused.stderr


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def test_what_the_others_ask_ends_after_them(modules: Path, tmp_path: Path) -> None:
    """Whenever it was started."""
    log, socket = tmp_path / "log", tmp_path / "socket"
    with serving(socket, modules):
        server = ForkServer(socket)
        server.start(Program("asked", "lasts", ("asked",), log, ends_last=True))
        server.start(Program("asking", "lasts", ("asking",), log))
        until(lambda: log.exists() and log.read_text().count("waits") == 2)
    assert ["asking ends", "asked ends"] == log.read_text().splitlines()[2:]
