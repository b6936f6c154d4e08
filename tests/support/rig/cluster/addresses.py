"""Where a service of docker-compose.yml is on this machine: 127.0.0.1, on a port of its own.

here = Addresses.free()
here.text("redis://:secret@redis:6379/0")  # "redis://:secret@127.0.0.1:49152/0"
here.value("pgbouncer"), here.value("6432")  # "127.0.0.1", "49153"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.rig.platform import free_ports

HERE = "127.0.0.1"
# Those that a service of the file listens on.
PORTS = ("3000", "4000", "5001", "5432", "5555", "6379", "6432", "8080", "9090")
# Where the file has one port twice: two processes of the API, and two of Caddy.
SECOND_API, FRONT = "api-2:5001", "front:8080"
HOSTS = ("api", "api-2", "code", "flower", "pgbouncer", "postgres", "redis", "webserver")
_PORT = re.compile(rf"\b(?:{'|'.join(PORTS)})\b")
_HOST = re.compile(rf"(?<![\w-])(?:{'|'.join(HOSTS)})(?=:\d| port=)|0\.0\.0\.0")


@dataclass(frozen=True)
class Addresses:
    """A free port for each port of the file."""

    ports: Mapping[str, str]

    @classmethod
    def free(cls) -> Addresses:
        """Ports that nothing listens on now."""
        places = (*PORTS, SECOND_API, FRONT)
        return cls(dict(zip(places, map(str, free_ports(len(places))), strict=True)))

    def of_second_api(self) -> Addresses:
        """The same as the second process of the API has them."""
        return Addresses({**self.ports, "5001": self.ports[SECOND_API]})

    def port(self, composed: str) -> int:
        """The port here that stands for one in the file."""
        return int(self.ports[composed])

    def url(self, composed: str) -> str:
        """Where HTTP is spoken to the service on this port."""
        return f"http://{HERE}:{self.ports[composed]}"

    def text(self, composed: str) -> str:
        """A word or a whole file, with the addresses of this machine in it."""
        composed = composed.replace(SECOND_API, f"{HERE}:{self.ports[SECOND_API]}")
        return _PORT.sub(lambda found: self.ports[found[0]], _HOST.sub(HERE, composed))

    def value(self, composed: str) -> str:
        """A variable's value, which may be a host's name alone."""
        return HERE if composed in HOSTS else self.text(composed)
