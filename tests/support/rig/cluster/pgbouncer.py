"""PgBouncer of the compose file, with its own configuration on the ports of this machine.

server = pgbouncer(services["pgbouncer"], folder, place, addresses)
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.rig.cluster.addresses import Addresses
from tests.support.rig.cluster.composition import ROOT, Service
from tests.support.rig.cluster.server import Server, listens

CONFIGURATION = ROOT / "deploy" / "pgbouncer" / "pgbouncer.ini"
# Where the container keeps the password, and forgets it.
IN_MEMORY = "/tmp"


def pgbouncer(composed: Service, folder: Path, place: Path, here: Addresses) -> Server:
    """The pooler of the compose file. Like PostgreSQL, it refuses to be root."""

    def text(composed: str) -> str:
        return here.text(composed.replace(f"{IN_MEMORY}/", f"{place}/"))

    chosen = place / CONFIGURATION.name
    chosen.write_text(text(CONFIGURATION.read_text()))
    chosen.chmod(0o644)
    return Server(
        name="pgbouncer",
        command=[text(word) for word in composed["command"]],
        environment={**os.environ, **composed["environment"]},
        folder=folder,
        is_ready=listens(here.port("6432")),
        place=place,
        as_nobody=True,
    )
