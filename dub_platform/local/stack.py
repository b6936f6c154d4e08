"""The servers of one machine, started together and stopped together.

    with Stack(Settings()).running():
        ...                             # API, Dagster UI, daemon and code server answer

Each server is a process group of its own with a log file under DUB_HOME/logs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import IO

from dub_platform.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
STOP_SECONDS = 15
# What a traceback says of one of our errors, which is a sentence for people.
_OURS = re.compile(r"(?m)^dub_platform\.[\w.]+Error: (.+)$")


class StackError(Exception):
    """A server cannot be started; the message says which, why, and what to do."""


@dataclass
class Stack:
    """API, Dagster webserver, daemon and code server of one machine."""

    settings: Settings
    code_port: int = 0
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Two code servers on one port both start and share clients, so the port is a fresh one.
        self.code_port = self.code_port or _free_port()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start everything and wait until it answers; stop it all at the end. Raises StackError."""
        self._require_free_ports()
        with alone(self.settings.home):
            self.prepare()
            try:
                self._start_all()
                yield
            finally:
                self.stop()

    def prepare(self) -> None:
        """Make the folders, the Dagster instance's configuration and the registry's tables."""
        from dub_platform.registry.migrate import upgrade

        for folder in (self.dagster_home, self.logs, self.settings.store_dir):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "deploy" / "embedded" / "dagster.yaml", self.dagster_home)
        upgrade(self.settings.registry_url)
        self._prepare_dagster()

    def _prepare_dagster(self) -> None:
        """Make or upgrade the Dagster instance's tables, once for each version of Dagster.

        On SQLite every server would make them by itself at its start, and two at once spoil them.
        """
        stamp, wanted = self.dagster_home / "migrated-by", version("dagster")
        if stamp.exists() and stamp.read_text() == wanted:
            return
        command = [sys.executable, "-m", "dagster", "instance", "migrate"]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=dict(self.environment), capture_output=True, check=False
        )
        if done.returncode != 0:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise StackError(
                f"Dagster's own tables in {self.dagster_home} cannot be made: {' '.join(last)} "
                "Look whether the disk is full; `make clean` starts anew."
            )
        stamp.write_text(wanted)

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME of the embedded instance."""
        return self.settings.home / "dagster"

    @property
    def logs(self) -> Path:
        """Where each server's output goes."""
        return self.settings.home / "logs"

    @property
    def environment(self) -> Mapping[str, str]:
        """What every server of the stack finds in its environment."""
        return {
            **os.environ,
            **self.settings.as_environment(),
            **self._unlimited(),
            "DAGSTER_HOME": str(self.dagster_home),
            "DUB_CODE_HOST": "127.0.0.1",
            "DUB_CODE_PORT": str(self.code_port),
            "PYTHONUNBUFFERED": "1",
        }

    def _unlimited(self) -> Mapping[str, str]:
        """Who is alone on this machine asks as often as they like, unless they said otherwise."""
        alone = self.settings.auth is None and "rate_limits" not in self.settings.model_fields_set
        return {"DUB_RATE_LIMITS": "off"} if alone else {}

    def died(self) -> str | None:
        """The name of a server that has ended by itself, if one has."""
        return next((name for name, p in self._processes.items() if p.poll() is not None), None)

    def stop(self) -> None:
        """Ask every server to end, and end those that do not."""
        for process in self._processes.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            # The group can outlive its leader: a run, or a worker of an engine.
            _signal(process, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def _require_free_ports(self) -> None:
        settings = self.settings
        if settings.port == settings.dagster_port:
            raise StackError(
                f"PORT and DAGSTER_PORT are both {settings.port}, and two servers cannot share a "
                f"port. Choose another for one: make demo DAGSTER_PORT={_free_port()}"
            )
        _require_free("PORT", settings.host, settings.port)
        _require_free("DAGSTER_PORT", "127.0.0.1", settings.dagster_port)

    def _start_all(self) -> None:
        settings, workspace = self.settings, ["-w", str(CHECKOUT / "workspace.yaml")]
        local = ["-h", "127.0.0.1", "-p"]
        definitions = ["-m", "dub_platform.served"]
        code = [*definitions, *local, str(self.code_port)]
        self._start("code-server", "dagster", "api", "grpc", *code)
        address = ["--host", settings.host, "--port", str(settings.port)]
        plain = ["--no-access-log", "--no-proxy-headers"]
        self._start("api", "uvicorn", "--factory", "api.asgi:create", *address, *plain)
        self._await_port("code-server", self.code_port)
        self._start("dagster-daemon", "dagster._daemon", "run", *workspace)
        ui = [*local, str(settings.dagster_port)]
        self._start("dagster-webserver", "dagster_webserver", *ui, *workspace)
        self._await_port("api", settings.port)
        self._await_port("dagster-webserver", settings.dagster_port)

    def _start(self, name: str, *module: str) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=dict(self.environment),
                start_new_session=True,
            )

    def _await_port(self, name: str, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            dead = self.died()
            if dead or time.monotonic() > deadline:
                raise StackError(self._why_not(dead or name))
            time.sleep(0.1)

    def _why_not(self, name: str) -> str:
        log = self.logs / f"{name}.log"
        text = log.read_text(errors="replace").strip()
        if ours := _OURS.findall(text):
            return f"{ours[-1]} (The server {name} said so; see {log}.)"
        said = "\n".join(f"    {line}" for line in text.splitlines()[-8:]) or "    (nothing)"
        return f"The server {name} did not start. It said, in {log}:\n{said}"


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold DUB_HOME, which two platforms at once would spoil for each other. Raises StackError."""
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


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _require_free(variable: str, host: str, port: int) -> None:
    """Raises StackError where no server of ours could listen there."""
    reason = _refusal(host, port)
    if reason:
        raise StackError(
            f"Port {port} is {reason} choose another port: make demo {variable}={_free_port()}"
        )


def _refusal(host: str, port: int) -> str | None:
    """Why nobody could listen at this port; None where somebody can, or the address is no good."""
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
