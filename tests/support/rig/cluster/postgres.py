"""PostgreSQL of the compose file: its command, user and databases, on binaries from a wheel.

    server = postgres(services["postgres"], folder, place, addresses)

The data stay when it is killed, below `place`, which the user nobody owns where root runs this:
PostgreSQL refuses to be root.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from tests.support.rig.cluster.addresses import HERE, Addresses
from tests.support.rig.cluster.composition import ROOT, Service
from tests.support.rig.cluster.server import NOBODY, Server
from tests.support.servers.postgres import programs

DATABASES = ROOT / "deploy" / "databases.sql"


@dataclass
class Postgres(Server):
    """A server with a folder of data, which is made at the first start."""

    data: Path = field(default=Path(), kw_only=True)
    password: str = field(default="", kw_only=True, repr=False)
    port: int = field(default=0, kw_only=True)

    def start(self) -> None:
        """Start it, on new databases where there are none."""
        is_new = not self.data.exists()
        if is_new:
            self._initialise()
        super().start()
        if is_new:
            self.await_ready()
            self._make_databases()

    def _initialise(self) -> None:
        secret = self.data.with_name("password")
        secret.write_text(self.password)
        secret.chmod(0o644)
        made = ["initdb", "-D", str(self.data), "-U", "dub", f"--pwfile={secret}"]
        subprocess.run(
            [str(programs() / made[0]), *made[1:], "--auth=scram-sha-256"],
            check=True,
            capture_output=True,
            user=NOBODY if os.geteuid() == 0 else None,
        )

    def _make_databases(self) -> None:
        connection = self.connect("postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE dub")
            cursor.execute(DATABASES.read_text())
        connection.close()

    def connect(self, database: str) -> psycopg2.extensions.connection:
        """A connection as the platform's user."""
        return psycopg2.connect(
            host=HERE, port=self.port, user="dub", password=self.password, dbname=database
        )


def postgres(composed: Service, folder: Path, place: Path, here: Addresses) -> Postgres:
    """The server of the compose file, with nothing in it."""
    arguments = ["-D", str(place / "data"), "-p", str(here.port("5432")), "-k", str(place)]
    return Postgres(
        name="postgres",
        command=[str(programs() / "postgres"), *composed["command"][1:], *arguments, "-h", HERE],
        environment={**os.environ, "LC_ALL": "C.UTF-8"},
        folder=folder,
        is_ready=_accepts,
        place=place,
        as_nobody=True,
        data=place / "data",
        password=composed["environment"]["POSTGRES_PASSWORD"],
        port=here.port("5432"),
    )


def _accepts(server: Server) -> bool:
    assert isinstance(server, Postgres)
    try:
        server.connect("postgres").close()
    except psycopg2.OperationalError:
        return False
    return True
