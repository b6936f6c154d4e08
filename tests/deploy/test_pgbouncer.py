"""The pooler, with the deployment's configuration, before a server that is not compose's."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import psycopg2
import pytest

from tests.support.patience import wait_until
from tests.support.rig.cluster.addresses import HERE, Addresses
from tests.support.rig.cluster.composition import services
from tests.support.rig.cluster.machine import SECRETS, open_place
from tests.support.rig.cluster.pgbouncer import pgbouncer

SSL_REQUEST = 80877103  # what a client asks first that would have the connection encrypted


def test_a_server_is_asked_for_an_encrypted_connection(tmp_path: Path) -> None:
    """A managed one often takes no other; one that has none says so and is used as it is."""
    here, asked = Addresses.free(), list[int]()

    def refuse() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                asked.append(struct.unpack("!II", connection.recv(8))[1])
                connection.sendall(b"N")

    with socket.create_server((HERE, here.port("5432"))) as server, open_place() as place:
        threading.Thread(target=refuse, daemon=True).start()
        pooler = pgbouncer(services(SECRETS)["pgbouncer"], tmp_path, place, here)
        pooler.start()
        try:
            pooler.await_ready()
            with pytest.raises(psycopg2.OperationalError):
                psycopg2.connect(
                    host=HERE,
                    port=here.port("6432"),
                    user="dub",
                    password=SECRETS["POSTGRES_PASSWORD"],
                    dbname="dagster",
                    connect_timeout=2,
                )
            wait_until(lambda: asked)
        finally:
            pooler.kill()
    assert SSL_REQUEST == asked[0]
