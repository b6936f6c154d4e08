"""The tables of the embedded Dagster instance.

    python -m dub_platform.local.dagster_tables     # makes or upgrades those in DAGSTER_HOME

With SQLite every server would make them at its start, and two at once would damage them.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

from dub_platform.core.errors import StorageUnavailableError

# The file that names the version of Dagster that made the tables.
_STAMP = "migrated-by"


def are_made(dagster_home: Path) -> bool:
    """Whether the installed version of Dagster has made the tables."""
    stamp = dagster_home / _STAMP
    return stamp.exists() and stamp.read_text() == version("dagster")


def make_tables(dagster_home: Path) -> None:
    """Make or upgrade the tables beside `dagster.yaml`. Raises StorageUnavailableError."""
    from dub_platform.local.dagster_storage import open_instance

    try:
        with open_instance(dagster_home) as instance:
            instance.upgrade()
        (dagster_home / _STAMP).write_text(version("dagster"))
    except Exception as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise StorageUnavailableError(
            f"Dagster's own tables in {dagster_home} cannot be made: {said} "
            "Look whether the disk is full; `make clean` starts anew.",
            detail=repr(error),
        ) from error


if __name__ == "__main__":
    make_tables(Path(os.environ["DAGSTER_HOME"]))
