"""Production's run launcher: a run is a task for Celery's workers, and can be stopped.

It is named in `dagster.yaml`. dagster_celery's own launcher finds a run's queue by a tag only,
which runs started by hand or by a backfill do not have. It also kills the task without recording
that it was cancelled, so a run that somebody terminated in the UI ended as failed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, DagsterRunStatus
from dagster._core.launcher import LaunchRunContext
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from assets.step.tags import QUEUE, RUN_PRIORITY, priority_of, queue_of
from dub_platform.settings import WrongSettingError
from dub_platform.variables import read_variable


class WorkerRunLauncher(CeleryRunLauncher):
    """Sends runs to the queue of the workers they need, and cancels them.

    Without a broker in its configuration it uses the environment's variables, and not `Settings`,
    because some processes that send runs lack variables that `Settings` requires.
    """

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> WorkerRunLauncher:
        """Make the launcher. Raises WrongSettingError if no broker is configured."""
        if config_value.get("broker"):
            return cls(**config_value, inst_data=inst_data)
        broker = read_variable(os.environ, "DUB_BROKER_URL") or read_variable(
            os.environ, "DUB_REDIS_URL"
        )
        backend = read_variable(os.environ, "DUB_RESULT_BACKEND_URL") or broker
        if not broker:
            raise WrongSettingError(
                "Neither DUB_REDIS_URL nor DUB_BROKER_URL is set, and one of them must say where "
                "runs wait for workers."
            )
        return cls(**{**config_value, "broker": broker, "backend": backend}, inst_data=inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the run to the queue that it needs, whoever started it."""
        super().launch_run(context._replace(dagster_run=_add_queue_tags(context.dagster_run)))

    def terminate(self, run_id: str) -> bool:
        """Stop the run, wherever it is; return whether there was anything to stop."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if DAGSTER_CELERY_TASK_ID_TAG in run.tags:
            super().terminate(run_id)
        if run.status is DagsterRunStatus.STARTING:
            # It waits in a queue, so no worker will record its end.
            self._instance.report_run_canceled(run)
        return True


def _add_queue_tags(run: DagsterRun) -> DagsterRun:
    """Return the run with the tags by which dagster_celery chooses queue and priority.

    They are added here only, to keep them out of the lists that people read.
    """
    sent_by = {QUEUE: queue_of(run.tags), RUN_PRIORITY: priority_of(run.tags)}
    return run.with_tags({**run.tags, **sent_by})
