"""Records that the process of a run has ended before the run did.

python -m dub_platform.local.crashed_run RUN_ID STATUS
"""

from __future__ import annotations

import sys

from dagster import DagsterInstance


def main(run_id: str, status: str) -> None:
    """Mark the run as failed, unless it has ended. A negative status is the number of a signal."""
    with DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            how = f"signal {status[1:]}" if status.startswith("-") else f"status {status}"
            instance.report_run_failed(run, f"The run's process ended with {how}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
