"""Redis of the compose file, by Debian's `redis-server`; what it holds stays when it is killed.

server = redis(services["redis"], folder, addresses)
"""

from __future__ import annotations

import os
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.support.rig.cluster.addresses import HERE, Addresses
from tests.support.rig.cluster.composition import Service
from tests.support.rig.cluster.server import Server


def redis(composed: Service, folder: Path, here: Addresses) -> Server:
    """The broker of the compose file, with nothing in it."""
    port, password = here.port("6379"), composed["environment"]["REDISCLI_AUTH"]

    def accepts(_: Server) -> bool:
        try:
            with Redis(HERE, port, password=password) as client:
                return bool(client.ping())
        except RedisError:
            return False

    data = folder / "redis"
    data.mkdir()
    arguments = ["--port", str(port), "--bind", HERE, "--dir", str(data)]
    # Where the container keeps the password, and forgets it.
    words = [str(word).replace("/tmp/", f"{folder}/") for word in composed["command"]]
    environment = {**os.environ, **composed["environment"]}
    return Server("redis", [*words, *arguments], environment, folder, accepts)
