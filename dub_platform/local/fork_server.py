"""A process that imports everything once, and forks itself for each server and run.

    python -m dub_platform.local.fork_server SOCKET MODULE...   # imports them, then serves until
                                                                # its standard input ends

    server = ForkServer(Path(".dub/dagster/fork-server.sock"))
    server.start(Program("api", "uvicorn", ("--factory", "api.asgi:create"), Path("api.log")))
    server.status("api")                                   # Status("running", None)
    server.send_signal("api", signal.SIGTERM)

Importing the platform takes seconds, a fork milliseconds. The process has no threads and no open
connections, so a fork behaves like a fresh start. It ends when the holder of its standard input
ends, and the kernel ends its children with it. Tested by
`tests/dub_platform/local/test_fork_server.py`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import connection, get_context
from pathlib import Path
from typing import Any, Literal

from resources.system.bound_process import end_with

# The socket's name in DAGSTER_HOME, where the run launcher finds it.
SOCKET = "fork-server.sock"
STOP_SECONDS = 15
# So many ended programs are remembered, for questions about their status.
MOST_REMEMBERED = 1000
ANSWER_SECONDS = 60
# The limit of a Unix socket's address is 108 bytes on Linux, 104 elsewhere.
LONGEST_ADDRESS = 100
# The errors of a client without a server, also if a killed server has left its socket.
GONE = (FileNotFoundError, ConnectionRefusedError)

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """A process to fork: `python -m MODULE ARGUMENTS`, with its output appended to `log`.

    It works in `folder`, or in the fork server's. `on_crash` is a module that is run with the
    arguments NAME STATUS if the program ends with a status other than 0; a negative one is a
    signal's number. A program that others ask `ends_last`.
    """

    name: str
    module: str
    arguments: Sequence[str]
    log: Path
    on_crash: str | None = None
    folder: Path | None = None
    ends_last: bool = False


@dataclass(frozen=True)
class Status:
    """The state of a program; `code` is its exit status if it has ended."""

    state: Literal["running", "ended", "unknown"]
    code: int | None


class ForkServer:
    """A client of the fork server at this socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def answers(self) -> bool:
        """Whether a server listens. Raises OSError if it does not answer in time."""
        try:
            self.status("")
        except GONE:
            return False
        return True

    def start(self, program: Program) -> None:
        """Fork the program. Raises OSError if no server answers."""
        self._ask({"do": "start", "program": asdict(program)})

    def status(self, name: str) -> Status:
        """Return the status of a program. Raises OSError if no server answers."""
        return Status(**self._ask({"do": "status", "name": name}))

    def send_signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to the program; return whether it was running. Raises OSError."""
        return bool(self._ask({"do": "signal", "name": name, "number": int(number)})["running"])

    def _ask(self, question: Mapping[str, Any]) -> Answer:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(ANSWER_SECONDS)
            with _address(self._path) as address:
                asking.connect(address)
            asking.sendall(json.dumps(question, default=str).encode() + b"\n")
            with asking.makefile("rb") as answers:
                answer: Answer = json.loads(answers.readline() or b"{}")
        if "error" in answer or not answer:
            raise OSError(f"The fork server did not do what it was asked: {answer.get('error')}")
        return answer


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Yield an address of the socket that is short enough, however long its folder's path is."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _Programs:
    """The children of the fork server."""

    def __init__(self) -> None:
        self._fork = get_context("fork")
        self._running: dict[str, tuple[Program, Any]] = {}
        self._ended: dict[str, int] = {}

    @property
    def sentinels(self) -> list[int]:
        """Descriptors that become readable when a child ends."""
        return [process.sentinel for _, process in self._running.values()]

    def start(self, program: Program) -> None:
        if program.name in self._running:
            raise ValueError(f"{program.name} is running")
        process = self._fork.Process(target=_run, args=(program, os.getpid()), name=program.name)
        process.start()
        self._running[program.name] = (program, process)
        self._ended.pop(program.name, None)

    def status(self, name: str) -> Status:
        if name in self._running:
            return Status("running", None)
        code = self._ended.get(name)
        return Status("unknown" if code is None else "ended", code)

    def send_signal(self, name: str, number: int) -> bool:
        """Send the signal to the program's group, which includes what it started."""
        if name not in self._running:
            return False
        _signal_group(self._running[name][1].pid, number)
        return True

    def reap(self) -> None:
        """Notice which children have ended, and start the `on_crash` module of those that
        crashed."""
        for name, (program, process) in list(self._running.items()):
            if process.exitcode is not None:
                del self._running[name]
                _end_group(process.pid)
                self._note_end(program, process.exitcode)
                process.close()

    def stop(self) -> None:
        """Ask every child to end, and kill those that do not; what the others ask ends after
        them."""
        deadline = time.monotonic() + STOP_SECONDS
        for ends_last in (False, True):
            ending = [each for each in self._running.values() if each[0].ends_last is ends_last]
            for program, _ in ending:
                self.send_signal(program.name, signal.SIGTERM)
            for _, process in ending:
                process.join(max(0.1, deadline - time.monotonic()))
                process.kill()
                _end_group(process.pid)
                process.join()

    def _note_end(self, program: Program, code: int) -> None:
        self._ended[program.name] = code
        while len(self._ended) > MOST_REMEMBERED:
            del self._ended[next(iter(self._ended))]
        if code != 0 and program.on_crash is not None:
            told = (program.name, str(code))
            self.start(Program(f"{program.name} crashed", program.on_crash, told, log=program.log))


def _run(program: Program, parent: int) -> None:
    """Become the program, in the forked child."""
    os.setsid()
    end_with(parent, signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    if program.folder is not None:
        os.chdir(program.folder)
    sys.argv = [program.module, *program.arguments]
    runpy.run_module(program.module, run_name="__main__", alter_sys=True)


def _end_group(pid: int) -> None:
    """Kill what is left of a program's group: an engine's worker can outlive the program."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    """Send a signal to a child's group, or to the child if it has not made its group yet."""
    with contextlib.suppress(ProcessLookupError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def _answer(question: Answer, programs: _Programs) -> Answer:
    if question["do"] == "start":
        fields = question["program"]
        folder = Path(fields["folder"]) if fields["folder"] else None
        programs.start(Program(**{**fields, "log": Path(fields["log"]), "folder": folder}))
        return {"started": True}
    if question["do"] == "signal":
        return {"running": programs.send_signal(question["name"], question["number"])}
    return asdict(programs.status(question["name"]))


def _serve(listener: socket.socket, programs: _Programs) -> None:
    """Answer clients until standard input ends, which means that the parent is gone."""
    while True:
        ready = connection.wait([listener, sys.stdin.fileno(), *programs.sentinels])
        programs.reap()
        if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 1024):
            return
        if listener in ready:
            _answer_one(listener, programs)


def _answer_one(listener: socket.socket, programs: _Programs) -> None:
    asking, _ = listener.accept()
    with asking, contextlib.suppress(OSError):
        # A client that sends nothing must not block the others.
        asking.settimeout(ANSWER_SECONDS)
        with asking.makefile("rb") as questions:
            question = questions.readline()
        try:
            answer = _answer(json.loads(question), programs)
        except (OSError, ValueError, KeyError, TypeError) as error:
            answer = {"error": repr(error)}
        asking.sendall(json.dumps(answer).encode() + b"\n")


def main(path: Path, modules: Sequence[str]) -> None:
    """Import the modules, then serve at the socket until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules:
        importlib.import_module(name)
    # Memory stays shared with the children as long as no garbage collection writes to it.
    gc.collect()
    gc.freeze()
    programs = _Programs()
    with socket.socket(socket.AF_UNIX) as listener:
        path.unlink(missing_ok=True)
        try:
            with _address(path) as address:
                listener.bind(address)
            path.chmod(0o600)
        except OSError as error:
            raise SystemExit(
                f"No socket can be made in {path.parent}: {error.strerror}. Give the platform a "
                "folder of this machine's own disk: DUB_HOME=/var/tmp/dub"
            ) from error
        listener.listen(64)
        try:
            _serve(listener, programs)
        finally:
            programs.stop()
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
