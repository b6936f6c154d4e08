"""Executes one run in this process, like `dagster api execute_run`.

    python -m dub_platform.local.run ARGUMENTS          # serialized ExecuteRunArgs

It logs to standard error. Dagster's own command would also print the whole event log of the run to
standard output at the end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dagster._cli.api import execute_run_command


def main(arguments: str) -> None:
    """Execute the run. Never returns; the exit status is 0 if the run's end was recorded."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        execute_run_command.main(["--", arguments])


if __name__ == "__main__":
    main(sys.argv[1])
