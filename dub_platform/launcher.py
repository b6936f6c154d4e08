"""Production's run launcher: a run is a task of Celery's workers, and can be stopped.

Named in `dagster.yaml`. dagster_celery's own launcher kills the task without writing down that
somebody wanted it, so a run that was terminated in the UI ended as one that failed.
"""

from __future__ import annotations

from dagster import DagsterRunStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG


class WorkerRunLauncher(CeleryRunLauncher):
    """Sends runs to the workers of their queue, and takes them back."""

    def terminate(self, run_id: str) -> bool:
        """Stop the run wherever it is; whether there was anything to stop."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if DAGSTER_CELERY_TASK_ID_TAG in run.tags:
            super().terminate(run_id)
        if run.status is DagsterRunStatus.STARTING:
            # It waits in a queue: no worker has it that could write how it ended.
            self._instance.report_run_canceled(run)
        return True
