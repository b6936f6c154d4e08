"""What stands in for the images of others: Debian's packages, and Caddy's program.

bases(system, layered)      # what deploy/Dockerfile begins with
services(layered)           # what services of docker-compose.yml name
"""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.images.builder import PATH, Image

# Adds what commands make to a system, under a name.
Layered = Callable[[str, str], Image]

_APT = (
    "export DEBIAN_FRONTEND=noninteractive; apt-get update -q; "
    "apt-get install -y -q --no-install-recommends"
)
# python.org's image has a Python of its own, into which pip may install.
_PYTHON = (
    f"{_APT} python3-pip python3-venv; rm -f /usr/lib/python3*/EXTERNALLY-MANAGED; "
    "ln -s /usr/bin/python3 /usr/local/bin/python; ln -s /usr/bin/pip3 /usr/local/bin/pip"
)
_SERVERS = (
    "mkdir -p /etc/postgresql-common; "
    "echo create_main_cluster=false > /etc/postgresql-common/createcluster.conf; "
    f"{_APT} postgresql redis-server prometheus prometheus-alertmanager wget; "
    "usermod -u 999 postgres; groupmod -g 999 postgres; "
    "install -d -o 999 -g 999 /var/lib/postgresql /run/postgresql; "
    "install -d -o 999 -g 1000 /data; install -d -o 65534 -g 65534 /prometheus /alertmanager; "
    "ln -s /usr/bin/prometheus-alertmanager /usr/bin/alertmanager; "
    "install -d /docker-entrypoint-initdb.d /etc/caddy"
)
# What the image of PostgreSQL does before its server, as far as compose's file asks for it.
_POSTGRES = """#!/bin/bash
set -eu
export PGDATA=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") \\
        --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -w start -o "-c listen_addresses="
    psql -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE $POSTGRES_DB"
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file"
    done
    pg_ctl -w -m fast stop
fi
exec "$@" -c listen_addresses='*'
"""


def bases(system: Image, layered: Layered) -> dict[str, Image]:
    """The images that stages of deploy/Dockerfile begin with."""
    return {
        "debian:bookworm-slim": system,
        "python:3.11-slim-bookworm": layered("python", _PYTHON),
    }


def services(layered: Layered) -> dict[str, Image]:
    """An image for each service that compose takes from others, by the image's name without tag.

    Grafana is in no Debian.
    """
    servers = layered("servers", _SERVERS)
    layer = servers.layers[-1]
    shutil.copy(Path(sysconfig.get_path("scripts")) / "caddy", layer / "usr/bin/caddy")
    entry = layer / "usr/local/bin/docker-entrypoint.sh"
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(_POSTGRES)
    entry.chmod(0o755)
    postgresql = f"{next((layer / 'usr/lib/postgresql').glob('*/bin')).relative_to(layer)}"
    caddy = ("caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile")
    return {
        "postgres": replace(
            servers, variables={"PATH": f"/{postgresql}:{PATH}"}, entry=("docker-entrypoint.sh",)
        ),
        "redis": replace(servers, place="/data"),
        "caddy": replace(
            servers,
            variables={"PATH": PATH, "XDG_CONFIG_HOME": "/config", "XDG_DATA_HOME": "/data"},
            command=caddy,
        ),
        "prom/prometheus": replace(servers, entry=("prometheus",)),
        "prom/alertmanager": replace(servers, entry=("alertmanager",)),
    }
