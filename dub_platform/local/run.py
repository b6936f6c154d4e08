"""Executes one run in this process, as `dagster api execute_run` does.

    python -m dub_platform.local.run ARGUMENTS          # serialized ExecuteRunArgs

What it logs goes to standard error. Dagster's command would print the whole event log of the run
to standard output as well, once the run has ended.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dagster._cli.api import execute_run_command


def main(arguments: str) -> None:
    """Execute the run. Never returns: the exit status is 0 when the run's end is written down."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        execute_run_command.main(["--", arguments])


if __name__ == "__main__":
    main(sys.argv[1])
