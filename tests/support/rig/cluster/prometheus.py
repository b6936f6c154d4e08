"""Prometheus of the compose file, by Debian's `prometheus`, with the deployment's configuration.

server = prometheus(services["prometheus"], folder, addresses)
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.rig.cluster.addresses import HERE, Addresses
from tests.support.rig.cluster.composition import ROOT, Service
from tests.support.rig.cluster.server import Server, answers

CONFIGURATION = ROOT / "deploy" / "prometheus" / "prometheus.yml"
RULES = CONFIGURATION.with_name("alerts.yml")


def prometheus(composed: Service, folder: Path, here: Addresses) -> Server:
    """What asks Flower and the API for their counts. The image's entry point is the program."""
    (folder / RULES.name).write_text(RULES.read_text())
    file = folder / "prometheus.yml"
    # Asked more often than in production: nobody here waits a quarter of a minute.
    file.write_text(here.text(CONFIGURATION.read_text()).replace("_interval: 15s", "_interval: 1s"))
    places = {
        "/etc/prometheus/prometheus.yml": str(file),
        "path=/prometheus": f"path={folder}/prometheus",
    }
    words = list(map(str, composed["command"]))
    for there, place in places.items():
        words = [word.replace(there, place) for word in words]
    listening = f"--web.listen-address={HERE}:{here.port('9090')}"
    return Server(
        "prometheus",
        ["prometheus", *words, listening],
        os.environ,
        folder,
        answers(f"{here.url('9090')}/prometheus/-/ready"),
    )
