"""docker-compose.yml as compose reads it, and its services as processes of this machine.

    services({"POSTGRES_PASSWORD": "secret"})["api"]["command"]

    machine = Machine(folder, socket_dir)
    with machine.running("code"):
        machine.await_healthy("code")

What only docker can do (networks, volumes, images) is replaced: hosts by this one, ports by free
ones, the shared volume by a folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\}")
START_SECONDS = 120
PORTS = ("3000", "4000", "5001")

Service = Mapping[str, Any]


def services(variables: Mapping[str, str]) -> Mapping[str, Service]:
    """Every service with its variables filled in. Raises LookupError for a required one."""

    def filled(found: re.Match[str]) -> str:
        value = variables.get(found["name"], "")
        if not value and found["how"] == "?":
            raise LookupError(found["rest"])
        return value or (found["rest"] or "")

    composed: Mapping[str, Any] = yaml.safe_load(VARIABLE.sub(filled, COMPOSE.read_text()))
    found: Mapping[str, Service] = composed["services"]
    return found


@dataclass
class Machine:
    """Runs services with their own commands and health checks, on free ports, without docker.

    `socket_dir` is where PostgreSQL listens. What the image sets is set here.
    """

    folder: Path
    socket_dir: Path
    _ports: Mapping[str, str] = field(default_factory=lambda: _free_ports(PORTS))

    def __post_init__(self) -> None:
        self.services = services({"POSTGRES_PASSWORD": "secret", "PORT": self.port("5001")})
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(ROOT / name, self.folder)

    def port(self, composed: str) -> str:
        """The port here that stands for one in the file."""
        return self._ports[composed]

    def run(self, name: str) -> None:
        """Run a service that ends."""
        subprocess.run(self._command(name), check=True, **self._place(name))

    @contextlib.contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Keep the services running for as long as the block lasts."""
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(self._process(name))
            yield

    def await_healthy(self, name: str) -> None:
        """Return when the service's own health check passes. Raises TimeoutError."""
        check = [self._here(word) for word in self.services[name]["healthcheck"]["test"][1:]]
        place, deadline = self._place(name), time.monotonic() + START_SECONDS
        while subprocess.run(check, capture_output=True, check=False, **place).returncode:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name}: {(self.folder / name).read_text()[-2000:]}")
            time.sleep(0.2)

    @contextlib.contextmanager
    def _process(self, name: str) -> Iterator[None]:
        with (self.folder / name).open("wb") as log:
            process = subprocess.Popen(
                self._command(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._place(name),
            )
            try:
                yield
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _command(self, name: str) -> list[str]:
        return [self._here(word) for word in self.services[name]["command"]]

    def _place(self, name: str) -> dict[str, Any]:
        composed = self.services[name]["environment"]
        return {"cwd": self.folder, "env": {**_own_environment(), **self._environment(composed)}}

    def _environment(self, composed: Mapping[str, str | int]) -> Mapping[str, str]:
        return {
            **{name: str(value) for name, value in composed.items()},
            "DUB_HOME": str(self.folder / "home"),
            "DUB_DATABASE_URL": str(composed["DUB_DATABASE_URL"]).replace("@postgres/", "@/"),
            "DUB_CODE_HOST": "127.0.0.1",
            "DUB_CODE_PORT": self.port(str(composed["DUB_CODE_PORT"])),
            "DAGSTER_POSTGRES_HOST": "",
            # Where the driver looks for a server whose host is not said.
            "PGHOST": str(self.socket_dir),
            "DAGSTER_HOME": str(self.folder),
            "DAGSTER_COMPUTE_LOGS": str(self.folder / "home" / "dagster"),
        }

    def _here(self, word: str) -> str:
        word = {"python": sys.executable, "0.0.0.0": "127.0.0.1"}.get(word, word)
        return re.sub("|".join(PORTS), lambda found: self.port(found[0]), word)


def _own_environment() -> dict[str, str]:
    ours = ("DUB_", "DAGSTER_", "PG", "POSTGRES_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _free_ports(composed: Sequence[str]) -> Mapping[str, str]:
    """A free port for each one in the file."""
    with contextlib.ExitStack() as stack:
        probes = {port: stack.enter_context(socket.socket()) for port in composed}
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        return {port: str(probe.getsockname()[1]) for port, probe in probes.items()}
