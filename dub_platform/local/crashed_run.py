"""Writes down that the process of a run ended before the run did.

python -m dub_platform.local.crashed_run RUN_ID STATUS
"""

from __future__ import annotations

import sys

from dagster import DagsterInstance


def main(run_id: str, status: str) -> None:
    """Fail the run, unless it has ended; a negative status is the signal that ended its process."""
    with DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            how = f"signal {status[1:]}" if status.startswith("-") else f"status {status}"
            instance.report_run_failed(run, f"The run's process ended with {how}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
