"""What a backup needs of the image."""

from __future__ import annotations

import re

from tests.support.rig.cluster.composition import ROOT


def test_the_image_can_dump_the_server() -> None:
    """Its pg_dump is no older than the PostgreSQL of the compose file, which would refuse it."""
    client = re.search(r"postgresql-client-(\d+)", (ROOT / "deploy" / "Dockerfile").read_text())
    server = re.search(r"image: postgres:(\d+)", (ROOT / "docker-compose.yml").read_text())
    assert client
    assert server
    assert int(client[1]) >= int(server[1])
