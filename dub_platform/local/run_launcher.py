"""The run launcher of one machine: a run is forked from a process that has imported everything.

    run_launcher:                                   # in deploy/embedded/dagster.yaml
      module: dub_platform.local.run_launcher
      class: ForkRunLauncher

Each run has a process of its own, which ends with the run. The run queue's `max_concurrent_runs`
limits their number. Tested by `tests/integration/test_run_launcher.py`.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import DagsterRun, DagsterRunStatus
from dagster._core.launcher import RunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, serialize_value
from dagster._serdes.config_class import ConfigurableClassData
from typing_extensions import Self

from dub_platform.local.fork_server import GONE, SOCKET, ForkServer, Program


class ForkRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Has runs forked by the fork server in DAGSTER_HOME."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What dagster.yaml says about this launcher."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Return the configuration's schema: there is none."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the launcher from dagster.yaml."""
        return cls(inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork the run's process. Raises OSError if the fork server does not answer."""
        run = context.dagster_run
        assert run.job_code_origin is not None
        arguments = ExecuteRunArgs(run.job_code_origin, run.run_id, self._instance.get_ref())
        self._server.start(
            Program(
                run.run_id,
                "dub_platform.local.run",
                (serialize_value(arguments),),
                log=self._home.parent / "logs" / "runs.log",
                on_crash="dub_platform.local.crashed_run",
            )
        )

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run; return whether there was anything to stop."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        with contextlib.suppress(*GONE):
            if self._server.send_signal(run_id, signal.SIGTERM):
                return True
        # There is no process that could record the run's end.
        self._instance.report_run_canceled(run)
        return run.status is DagsterRunStatus.STARTING

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: Dagster's monitoring may call `check_run_worker_health`."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether the run's process exists."""
        try:
            found = self._server.status(run.run_id)
        except GONE as error:
            # The fork server is gone, and the kernel has ended its children with it.
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, repr(error))
        if found.state == "running":
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if found.state == "unknown":
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND)
        status = WorkerStatus.FAILED if found.code else WorkerStatus.SUCCESS
        return CheckRunHealthResult(status, f"Its process ended with status {found.code}.")

    @property
    def _home(self) -> Path:
        return Path(self._instance.root_directory)

    @property
    def _server(self) -> ForkServer:
        return ForkServer(self._home / SOCKET)
