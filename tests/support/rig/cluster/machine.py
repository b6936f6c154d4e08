"""The whole composition as processes of this machine.

    with cluster(folder, workers=2) as c:
        video = c.hand_in(clip, "es")
        c.kill("worker-dub")
        c.start("worker-dub")
        c.released(video["id"], "es")

Everything is real and started with the commands of docker-compose.yml: PostgreSQL, PgBouncer,
Redis, code server, daemon, webserver, API and workers. It listens on 127.0.0.1 and ports that were
free, keeps all it makes in the folder, and is gone at the end, whatever happens.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from dub_platform.settings import Settings
from tests.support.logged_errors import PROCESS_LOGS
from tests.support.patience import HANG_SECONDS
from tests.support.rig.cluster.addresses import FRONT, Addresses
from tests.support.rig.cluster.composition import Service, services
from tests.support.rig.cluster.pgbouncer import pgbouncer
from tests.support.rig.cluster.platform import Surroundings, platform
from tests.support.rig.cluster.postgres import postgres
from tests.support.rig.cluster.prometheus import prometheus
from tests.support.rig.cluster.proxy import front, proxy
from tests.support.rig.cluster.redis import redis
from tests.support.rig.cluster.server import NOBODY, Server, ServerError
from tests.support.rig.platform import Platform
from tests.support.servers.postgres import open_folder

# What `docker compose up` needs from .env; the hash is that of the password.
PASSWORD = "harbor"
SECRETS: Mapping[str, str] = {
    "POSTGRES_PASSWORD": "secret-of-postgres",
    "REDIS_PASSWORD": "secret-of-redis",
    "PROXY_PASSWORD_HASH": "$2a$04$3mjNKccu57z4y1ZW.NUrGOtdInXMrIby9/Hsw/FCgApnZhPlIc5Pi",
}
# In the order in which one needs the other, as in the file.
STORES = ("postgres", "redis", "pgbouncer")
MIGRATIONS = ("migrate", "migrate-dagster")
FIRST = ("code", "api", "worker-transcribe", "worker-dub")
LAST = ("daemon", "webserver")
# The second process of the API is started by who wants it: until then `front` passes it over.
SECOND = "api-2"


@dataclass
class Machine:
    """The servers by the name of their service; `worker-dub-2` is another of `worker-dub`."""

    folder: Path
    settings: Settings
    services: Mapping[str, Service]
    place: Path
    here: Addresses
    servers: dict[str, Server] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.around = Surroundings(self.folder, self.settings.as_environment(), self.here)

    def start_all(self, *more: str) -> None:
        """Start everything in order, and these services of the file as well."""
        self.start(*STORES)
        for name in MIGRATIONS:
            self.server(name).start()
        for name in MIGRATIONS:
            self._await_end(self.server(name))
        self.start(*FIRST)
        self.start(*LAST, *more)

    def start(self, *names: str) -> None:
        """Start servers and return when all are ready. Raises ServerError."""
        for name in names:
            self.server(name).start()
        for name in names:
            self.server(name).await_ready()

    def server(self, name: str) -> Server:
        """A server, whether it runs or not. Raises KeyError for what is no service of the file."""
        if name not in self.servers:
            self.servers[name] = self._make(name)
        return self.servers[name]

    def find_dead(self) -> str | None:
        """Return the name of a server that has ended by itself, if one has."""
        return next((name for name, server in self.servers.items() if server.has_died()), None)

    def revive(self) -> None:
        """Start what ended by itself, as `restart: unless-stopped` has it."""
        for server in self.servers.values():
            if server.has_died():
                server.kill()  # What it started ends with it, as in a container.
                server.start()

    def are_ready(self, *names: str) -> bool:
        """Whether these servers can be used."""
        return all(server.is_ready(server) for server in map(self.server, names))

    def kill_all(self) -> None:
        """End everything at once, as a reboot does."""
        # The last first: who loses what it asks says so in its log.
        for server in reversed(self.servers.values()):
            server.kill()

    def _make(self, name: str) -> Server:
        composed = self.services[re.sub(r"-\d+$", "", name)]
        humble = {"postgres": postgres, "pgbouncer": pgbouncer}.get(name)
        if humble is not None:
            return humble(composed, self.folder, self.place, self.here)
        foreign = {"redis": redis, "proxy": proxy, "front": front, "prometheus": prometheus}
        if name in foreign:
            return foreign[name](composed, self.folder, self.here)
        around = self.around
        if name == SECOND:
            around = replace(around, here=self.here.of_second_api())
        return platform(name, composed, around)

    def _await_end(self, server: Server) -> None:
        assert server.process is not None
        if server.process.wait() != 0:
            raise ServerError(
                f"{server.name} did not succeed. Its log ends:\n{server.read_output()}"
            )
        server.process = None


@dataclass(frozen=True)
class Cluster(Platform):
    """The platform on its production engine, as those use it who break it."""

    machine: Machine

    def start(self, *names: str) -> None:
        """Start servers (again) and return when they are ready. Raises ServerError."""
        self.machine.start(*names)

    def kill(self, *names: str) -> None:
        """Kill servers with all that they started, without a word."""
        for name in names:
            self.machine.server(name).kill()

    def stop(self, *names: str) -> None:
        """Ask servers to end as docker does, and wait until they have."""
        for name in names:
            self.machine.server(name).stop()


@contextlib.contextmanager
def cluster(
    folder: Path,
    *,
    workers: int = 2,
    more: tuple[str, ...] = (),
    behind_front: bool = True,
    **settings: Any,
) -> Iterator[Cluster]:
    """The running composition, with everything it keeps in the folder, and its own limits.

    `workers` is how many runs each queue's worker executes at once; `more` are services of the
    file that the platform works without, such as flower and proxy. The API is reached through
    `front`, unless it is measured or broken itself.
    """
    here = Addresses.free()
    port = here.port(FRONT if behind_front else "5001")
    dagster_port = here.port("3000")
    chosen = Settings(
        home=folder / "home",
        PORT=port,
        DAGSTER_PORT=dagster_port,
        log_format="json",
        **settings,
    )
    at_once = {f"WORKER_{name}_PROCESSES": str(workers) for name in ("TRANSCRIBE", "DUB")}
    ports = {"PORT": str(port), "DAGSTER_PORT": str(dagster_port)}
    # `front` is in no network of docker's here.
    open_here = {"DUB_AUTH": "off", "DUB_TRUSTED_PROXIES": "127.0.0.0/8"}
    variables = {**SECRETS, **at_once, **ports, **open_here}
    # Its tests break it, and everybody who loses something by that says so in a log.
    PROCESS_LOGS.leave_out(folder)
    with open_place() as place:
        machine = Machine(folder, chosen, services(variables), place, here)
        try:
            machine.start_all(*(("front", *more) if behind_front else more))
            with httpx.Client(base_url=chosen.base_url, timeout=HANG_SECONDS) as api:
                yield Cluster(machine, api, machine)
        finally:
            machine.kill_all()


@contextlib.contextmanager
def open_place() -> Iterator[Path]:
    """A folder for servers that refuse to be root; the cluster's own may be closed to others."""
    place = open_folder("dub-cluster-")
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
