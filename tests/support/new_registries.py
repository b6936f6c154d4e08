"""Registries with nothing in them, which need not be migrated from their first revision each time.

make_registry("sqlite:////tmp/home/registry.sqlite")

The migrations themselves are tested in `tests/dub_platform/registry/`.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import make_url

from dub_platform.registry.migrate import upgrade


def make_registry(url: str) -> None:
    """Make what `upgrade` makes: a SQLite file that is not there yet is a copy of one."""
    database = make_url(url)
    path = Path(database.database or "")
    if database.get_backend_name() != "sqlite" or path.exists():
        upgrade(url)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_migrate_once(), path)


@functools.cache
def _migrate_once() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dub-registry-"))
    atexit.register(shutil.rmtree, folder)
    upgrade(f"sqlite:///{folder / 'registry.sqlite'}")
    return folder / "registry.sqlite"
