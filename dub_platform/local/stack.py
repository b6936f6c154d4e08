"""The servers of one machine, started and stopped together.

    with Stack(Settings()).running(tell=print):
        ...                             # API, Dagster UI, daemon and code server answer

All servers and runs are forked from one process that has imported everything (`fork_server.py`).
Each server is a process group with a log file under DUB_HOME/logs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from dub_platform.local.dagster_tables import are_made, make_tables
from dub_platform.local.fork_server import SOCKET, STOP_SECONDS, ForkServer, Program
from dub_platform.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
# Only a server that hangs takes so long, however busy the machine is.
START_SECONDS = 900
PAUSE_SECONDS = 0.05
PARENT, TABLES = "fork-server", "tables"
SERVERS = ("code-server", "api", "dagster-webserver", "dagster-daemon")
# Imported before the first fork. The definitions import the engines; the rest are modules that
# engines import at their first use.
IMPORTS = (
    "dub_platform.definitions",
    "api.asgi",
    "dagster._cli",
    "dub_platform.processes.daemon",
    "dub_platform.processes.webserver",
    "uvicorn",
    "av",
    "clarabel",
    "language_data.name_data",
    "onnxruntime",
    "scipy.sparse",
    "soundfile",
)
# Dagster's default limit for its calls is 60 s, which a busy machine may exceed.
_PATIENCE = {
    f"DAGSTER_{call}GRPC_TIMEOUT_SECONDS": str(START_SECONDS)
    for call in ("", "REPOSITORY_", "SCHEDULE_", "SENSOR_")
}
_FORK_SERVER = "dub_platform.local.fork_server"
_HEARTBEATS = """
    { instance { daemonHealth { allDaemonStatuses { required lastHeartbeatTime } } } }
"""
# The line of a traceback with one of our errors, which is a sentence for people.
_OURS = re.compile(r"(?m)^dub_platform\.[\w.]+Error: (.+)$")


class StackError(Exception):
    """A server cannot be started; the message says which, why, and what to do."""


class _Progress:
    """Prints what is ready, and what is still waited for."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._began = time.monotonic()
        self._waited_for = [PARENT, TABLES, *SERVERS]
        self._say("")

    def note(self, name: str) -> None:
        """Print that this is ready."""
        self._waited_for.remove(name)
        self._say(f"{name} ready")

    def _say(self, ready: str) -> None:
        waiting = "waiting for " + ", ".join(self._waited_for) if self._waited_for else ""
        seconds = time.monotonic() - self._began
        self._tell(f"{seconds:6.1f} s  " + "; ".join(filter(None, (ready, waiting))))


@dataclass
class Stack:
    """API, Dagster webserver, daemon and code server of one machine."""

    settings: Settings
    code_port: int = 0
    _parent: subprocess.Popen[bytes] | None = None
    _started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A free port each time: two code servers on one port would both start and share clients.
        self.code_port = self.code_port or _free_port()

    @contextlib.contextmanager
    def running(self, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Start everything and wait until it answers; stop it after the block. Raises StackError.

        `tell` gets a line each time something is ready, with what is still waited for.
        """
        self._require_free_ports()
        with lock_home(self.settings.home):
            try:
                self._start(_Progress(tell))
                yield
            finally:
                self.stop()

    def prepare(self) -> None:
        """Make the folders, Dagster's configuration, and the registry's tables."""
        self._make_folders()
        self._make_registry()
        if not are_made(self.dagster_home):
            make_tables(self.dagster_home)

    def _make_folders(self) -> None:
        for folder in (self.dagster_home, self.logs, self.settings.store_dir):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "deploy" / "embedded" / "dagster.yaml", self.dagster_home)

    def _make_registry(self) -> None:
        from dub_platform.registry.migrate import upgrade

        upgrade(self.settings.registry_url)

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME of the embedded instance."""
        return self.settings.home / "dagster"

    @property
    def parent_pid(self) -> int:
        """The id of the process that all others are forked from."""
        assert self._parent is not None
        return self._parent.pid

    @property
    def _socket(self) -> Path:
        return self.dagster_home / SOCKET

    @property
    def logs(self) -> Path:
        """The folder of the servers' log files."""
        return self.settings.home / "logs"

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of every server."""
        return {
            **_PATIENCE,
            **os.environ,
            **self.settings.as_environment(),
            **self._rate_limits_off(),
            "DAGSTER_HOME": str(self.dagster_home),
            "DUB_CODE_HOST": "127.0.0.1",
            "DUB_CODE_PORT": str(self.code_port),
            "PYTHONUNBUFFERED": "1",
        }

    def _rate_limits_off(self) -> Mapping[str, str]:
        """Return the setting that switches rate limits off, where only this machine is answered
        and none are set."""
        is_alone = (
            self.settings.auth is None and "rate_limits" not in self.settings.model_fields_set
        )
        return {"DUB_RATE_LIMITS": "off"} if is_alone else {}

    def find_dead(self) -> str | None:
        """Return the name of a server that has ended by itself, or None."""
        if self._parent is not None and self._parent.poll() is not None:
            return PARENT
        server = ForkServer(self._socket)
        return next(
            (name for name in self._started if server.status(name).state != "running"), None
        )

    def stop(self) -> None:
        """Ask every server to end, and kill those that do not."""
        if self._parent is None:
            return
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._parent.wait(2 * STOP_SECONDS)
        # The kernel ends the others with it.
        self._parent.kill()
        self._parent.wait()
        self._parent = None
        self._started.clear()

    def _require_free_ports(self) -> None:
        settings = self.settings
        if settings.port == settings.dagster_port:
            raise StackError(
                f"PORT and DAGSTER_PORT are both {settings.port}, and two servers cannot share a "
                f"port. Choose another for one: make demo DAGSTER_PORT={_free_port()}"
            )
        _require_free("PORT", settings.host, settings.port)
        _require_free("DAGSTER_PORT", "127.0.0.1", settings.dagster_port)

    def _start_parent(self) -> None:
        """Start the process that servers and runs are forked from; it begins to import."""
        with (self.logs / f"{PARENT}.log").open("wb") as log:
            self._parent = subprocess.Popen(
                [sys.executable, "-m", _FORK_SERVER, str(self._socket), *IMPORTS],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                # A process with threads cannot be forked safely; numpy starts one for each core.
                env={**self.environment, "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,
            )

    def _start(self, progress: _Progress) -> None:
        """Fork the servers, and wait until all of them answer."""
        since = time.time()
        self._make_folders()
        self._start_parent()
        self._make_registry()
        self._await(PARENT, ForkServer(self._socket).answers)
        progress.note(PARENT)
        self._fork_tables()
        progress.note(TABLES)
        self._fork_servers()
        waited_for: Mapping[str, Callable[[], bool]] = {
            "code-server": lambda: _answers(self.code_port),
            "api": lambda: _answers(self.settings.port),
            "dagster-webserver": lambda: _answers(self.settings.dagster_port),
            "dagster-daemon": lambda: self._daemon_is_heard(since),
        }
        for name, is_ready in waited_for.items():
            self._await(name, is_ready)
            progress.note(name)

    def _fork_tables(self) -> None:
        """Make Dagster's tables in a fork, so that this process need not import Dagster."""
        if are_made(self.dagster_home):
            return
        self._fork(TABLES, "dub_platform.local.dagster_tables")
        self._started.remove(TABLES)
        server = ForkServer(self._socket)
        self._await(TABLES, lambda: server.status(TABLES).state != "running")
        if server.status(TABLES).code != 0:
            raise StackError(self._why_not(TABLES))

    def _fork_servers(self) -> None:
        settings, workspace = self.settings, ["-w", str(CHECKOUT / "workspace.yaml")]
        local = ["-h", "127.0.0.1", "-p"]
        code = ["-m", "dub_platform.processes.code_location", *local, str(self.code_port)]
        self._fork("code-server", "dagster", "api", "grpc", *code)
        address = ["--host", settings.host, "--port", str(settings.port)]
        # Longer than clients keep connections; otherwise the server may close one just as a request
        # is sent.
        plain = ["--no-access-log", "--no-proxy-headers", "--timeout-keep-alive", "75"]
        self._fork("api", "uvicorn", "--factory", "api.asgi:create", *address, *plain)
        # These two call the code server as soon as they start.
        self._await("code-server", lambda: _answers(self.code_port))
        self._fork("dagster-daemon", "dub_platform.processes.daemon", "run", *workspace)
        ui = [*local, str(settings.dagster_port)]
        self._fork("dagster-webserver", "dub_platform.processes.webserver", *ui, *workspace)

    def _fork(self, name: str, module: str, *arguments: str) -> None:
        log = self.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        # In a folder of its own, because Dagster's servers read the .env of their folder.
        program = Program(
            name,
            module,
            arguments,
            log,
            folder=self.dagster_home,
            # The daemon logs an error for each sensor whose code it cannot ask.
            ends_last=name == "code-server",
        )
        ForkServer(self._socket).start(program)
        self._started.append(name)

    def _await(self, name: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            dead = self.find_dead()
            if dead or time.monotonic() > deadline:
                raise StackError(self._why_not(dead or name))
            time.sleep(PAUSE_SECONDS)

    def _daemon_is_heard(self, since: float) -> bool:
        """Whether all parts of the daemon have sent a heartbeat since a Unix time."""
        answer = httpx.post(
            f"{self.settings.local_dagster_url}/graphql",
            json={"query": _HEARTBEATS},
            timeout=START_SECONDS,
            trust_env=False,
        ).json()
        parts = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all((part["lastHeartbeatTime"] or 0) > since for part in parts if part["required"])

    def _why_not(self, name: str) -> str:
        log = self.logs / f"{name}.log"
        text = log.read_text(errors="replace").strip()
        if ours := _OURS.findall(text):
            return f"{ours[-1]} (The server {name} said so; see {log}.)"
        said = "\n".join(f"    {line}" for line in text.splitlines()[-8:]) or "    (nothing)"
        return f"The server {name} did not start. It said, in {log}:\n{said}"


@contextlib.contextmanager
def lock_home(home: Path) -> Iterator[None]:
    """Lock DUB_HOME within the block, because two platforms would damage each other's data there.

    Raises StackError.
    """
    with _lock_in(home) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                f"Another platform is running in {home}. Stop it, or give this one a folder of its "
                "own: DUB_HOME=.dub-two"
            ) from error
        yield


def _lock_in(home: Path) -> IO[str]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return (home / "lock").open("w")
    except OSError as error:
        raise StackError(
            f"Nothing can be written to {home}, where everything made here is kept: "
            f"{error.strerror}. Have it given to this user, or give the platform another folder: "
            "DUB_HOME=.dub-two"
        ) from error


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _require_free(variable: str, host: str, port: int) -> None:
    """Raises StackError if no server could listen at this port."""
    reason = _reason_not_free(host, port)
    if reason:
        raise StackError(
            f"Port {port} is {reason} choose another port: make demo {variable}={_free_port()}"
        )


def _reason_not_free(host: str, port: int) -> str | None:
    """Return why no server could listen at this port, or None if one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return {
            errno.EADDRINUSE: "taken by another program (or by this platform, still running in "
            "another terminal). Stop it, or",
            errno.EACCES: "one that only root may use:",
        }.get(error.errno or 0)
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
