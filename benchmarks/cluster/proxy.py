"""The proxy of the compose file: Caddy, from a wheel, with the deployment's own Caddyfile.

server = proxy(services["proxy"], folder, addresses)
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from benchmarks.cluster.addresses import Addresses
from benchmarks.cluster.composition import ROOT, Service
from benchmarks.cluster.server import Server, answers

CADDYFILE = ROOT / "deploy" / "proxy" / "Caddyfile"
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
