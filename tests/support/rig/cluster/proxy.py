"""The proxies of the compose file: Caddy, from a wheel, with the deployment's own Caddyfiles.

server = proxy(services["proxy"], folder, addresses)
server = front(services["front"], folder, addresses)
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from tests.support.rig.cluster.addresses import FRONT, HERE, Addresses
from tests.support.rig.cluster.composition import ROOT, Service
from tests.support.rig.cluster.server import Server, answers

CADDYFILE = ROOT / "deploy" / "proxy" / "Caddyfile"
FRONTS = ROOT / "deploy" / "api" / "Caddyfile"
CADDY = Path(sysconfig.get_path("scripts")) / "caddy"


def proxy(composed: Service, folder: Path, here: Addresses) -> Server:
    """The door to what has no login. The image's own command is to run the Caddyfile."""
    file = folder / "Caddyfile"
    file.write_text(here.text(CADDYFILE.read_text()))
    return Server(
        "proxy",
        [str(CADDY), "run", "--config", str(file)],
        {**os.environ, **composed["environment"]},
        folder,
        answers(f"{here.url('8080')}/healthz"),
    )


def front(composed: Service, folder: Path, here: Addresses) -> Server:
    """The one address of the API's processes."""
    address = {name: here.text(str(value)) for name, value in composed["environment"].items()}
    return Server(
        "front",
        [str(CADDY), "run", "--config", str(FRONTS), "--adapter", "caddyfile"],
        {**os.environ, **address, "API_PORT": here.ports[FRONT]},
        folder,
        answers(f"http://{HERE}:{here.ports[FRONT]}/ready"),
    )
