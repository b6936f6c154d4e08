"""The platform's own services of the compose file, with their own commands and variables.

    surroundings = Surroundings(folder, settings.as_environment(), addresses)
    server = platform("worker-dub", services["worker-dub"], surroundings)

What only docker can do is replaced: hosts by this one, ports by free ones, the shared volume by a
folder, and what the image sets is set here.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.rig.cluster.addresses import Addresses
from tests.support.rig.cluster.composition import ROOT, Service
from tests.support.rig.cluster.server import Server, answers, listens, says

# What the machine that this runs on has set for another platform.
_FOREIGN = ("DUB_", "DAGSTER_", "PG", "POSTGRES_", "REDIS")


@dataclass(frozen=True)
class Surroundings:
    """What a container of the platform finds around it: `given` is what .env would say."""

    folder: Path
    given: Mapping[str, str]
    here: Addresses

    def __post_init__(self) -> None:
        for folder in (self.dagster_home, self.home, self.temp):
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(ROOT / name, self.dagster_home)

    @property
    def dagster_home(self) -> Path:
        """The image's working directory, in which nothing is written."""
        return self.folder / "dagster"

    @property
    def home(self) -> Path:
        """The shared volume."""
        return self.folder / "home"

    @property
    def temp(self) -> Path:
        """What is /tmp in a container."""
        return self.folder / "tmp"

    def environment(self, composed: Service) -> dict[str, str]:
        """The variables of a service."""
        own = {name: v for name, v in os.environ.items() if not name.startswith(_FOREIGN)}
        set_there = composed["environment"].items()
        return {
            **own,
            **self.given,
            **{name: self.here.value(str(value)) for name, value in set_there},
            "DUB_HOME": str(self.home),
            "DAGSTER_HOME": str(self.dagster_home),
            "TMPDIR": str(self.temp),
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join((sysconfig.get_path("scripts"), own["PATH"])),
        }

    def word(self, composed: str, name: str) -> str:
        """A word of a command; all services share one host's name, so `%h` is the service's."""
        word = self.here.text(composed).replace("%h", name)
        return sys.executable if word == "python" else word


def platform(name: str, composed: Service, around: Surroundings) -> Server:
    """A service of the compose file, as `name` on this machine."""
    return Server(
        name=name,
        command=[around.word(str(word), name) for word in composed["command"]],
        environment={**around.environment(composed), "HOSTNAME": name},
        folder=around.folder,
        is_ready=_ready(name, around.here),
        place=around.dagster_home,
    )


def _ready(name: str, here: Addresses) -> Callable[[Server], bool]:
    known = {
        "api": answers(f"{here.url('5001')}/ready"),
        "api-2": answers(f"{here.url('5001')}/ready"),
        "code": listens(here.port("4000")),
        "daemon": says("Instance is configured with the following daemons"),
        "flower": answers(f"{here.url('5555')}/flower/healthcheck"),
        "webserver": answers(f"{here.url('3000')}/server_info"),
    }
    return known.get(name, says(" ready."))
