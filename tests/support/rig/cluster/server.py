"""A server of the cluster: a process that is started, killed and started again.

    server.start()
    server.await_ready()
    server.kill()         # as a machine dies: with all that it started, and without a word
    server.stop()         # as docker stops it: asked first

All output goes to one log, start after start.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.patience import HANG_SECONDS
from tests.support.processes import is_gone
from tests.support.rig.cluster.addresses import HERE

STOP_SECONDS = 60
PAUSE_SECONDS = 0.05
NOBODY = 65534
# A process without a parent is still known by what is in its environment.
MARK = "SERVER_OF_CLUSTER"


class ServerError(Exception):
    """A server did not start or ended by itself; the message has the end of its log."""


@dataclass
class Server:
    """One process of the cluster and what became of it.

    `folder` has its log, `place` is where it works, if not there too. `is_ready` is asked until it
    is true. `as_nobody` is for servers that refuse to run as root.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    is_ready: Callable[[Server], bool]
    place: Path | None = None
    as_nobody: bool = False
    process: subprocess.Popen[bytes] | None = None
    _log_began: int = field(default=0, init=False)

    def start(self) -> None:
        """Start it; it is not ready yet. Raises ServerError where it runs already."""
        if self.process is not None and self.process.poll() is None:
            raise ServerError(f"{self.name} runs already.")
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._log_began = log.tell()
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.place or self.folder,
                env={**self.environment, MARK: self._mark},
                start_new_session=True,
                user=NOBODY if self.as_nobody and os.geteuid() == 0 else None,
            )

    def await_ready(self) -> None:
        """Return when it can be used. Raises ServerError."""
        deadline = time.monotonic() + HANG_SECONDS
        while not self.is_ready(self):
            if self.has_died():
                raise ServerError(
                    f"{self.name} ended by itself. Its log ends:\n{self.read_output()}"
                )
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.name} is not ready yet. Its log ends:\n{self.read_output()}"
                )
            time.sleep(PAUSE_SECONDS)

    def kill(self) -> None:
        """Kill it and every process that it started; none of them can do anything more."""
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.process is not None:
                self.process.wait()
            # PostgreSQL does not start over memory that one of the last still holds.
            is_gone(*pids)
        self.process = None

    def stop(self, within: float = STOP_SECONDS) -> None:
        """Ask it to end; kill what has not by then."""
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(within)
        self.kill()

    def pids(self) -> set[int]:
        """It, and every process that it started, also those that outlived their parents."""
        alive = {self.process.pid} if self.process and self.process.poll() is None else set()
        return alive | {each for pid in alive for each in _below(pid)} | _find_marked(self._mark)

    @property
    def pid(self) -> int:
        """The process id of what was started. Raises ServerError where it does not run."""
        if self.process is None:
            raise ServerError(f"{self.name} does not run.")
        return self.process.pid

    def has_died(self) -> bool:
        """Whether it ended although nobody asked it to."""
        return self.process is not None and self.process.poll() is not None

    @property
    def _mark(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def log(self) -> Path:
        """Where all that it writes goes."""
        return self.folder / "logs" / f"{self.name}.log"

    def read_output(self) -> str:
        """Return what the server wrote since it was started last."""
        return self.log.read_bytes()[self._log_began :].decode(errors="replace")


def listens(port: int) -> Callable[[Server], bool]:
    """Ready when somebody accepts connections on the port."""

    def ready(_: Server) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HERE, port)) == 0

    return ready


def answers(url: str) -> Callable[[Server], bool]:
    """Ready when a GET is answered well."""

    def ready(_: Server) -> bool:
        try:
            return httpx.get(url, timeout=HANG_SECONDS).is_success
        except httpx.TransportError:
            return False

    return ready


def says(words: str) -> Callable[[Server], bool]:
    """Ready when these words are in the log."""
    return lambda server: words in server.read_output()


def _below(pid: int) -> list[int]:
    """The processes that this one started, and those that these started."""
    return [each for child in _children(pid) for each in (child, *_below(child))]


def _find_marked(mark: str) -> set[int]:
    """Return the processes, dead ones apart, whose environment has this mark."""
    return {pid for pid in _processes() if _has(pid, f"{MARK}={mark}".encode())}


def _processes() -> Iterator[int]:
    yield from (int(path.name) for path in Path("/proc").glob("[0-9]*"))


def _has(pid: int, variable: bytes) -> bool:
    try:
        return variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, task.read_text().split())
