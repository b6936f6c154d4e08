"""The worker: runs execute inside its warm processes, one after another.

    celery -A dub_platform.processes.worker worker -Q transcribe,dub --concurrency 2

The instance's dagster.yaml says where the broker is and how tasks are kept, for those who send
them and for those who take them alike. What a run needs is imported, and later a model loaded,
once for each process and not once for each run.
"""

from __future__ import annotations

import os
import signal

from celery.signals import setup_logging, worker_init, worker_process_init
from dagster import DagsterInstance
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task

from dub_platform import wiring
from dub_platform.observability import configure_logging
from dub_platform.settings import Settings
from resources.system.bound_process import end_with

# The processes that execute runs are forked from this one.
_WORKER = os.getpid()

launcher = DagsterInstance.get().run_launcher
if not isinstance(launcher, CeleryRunLauncher):
    raise SystemExit(
        "The instance that DAGSTER_HOME names starts its runs itself: its dagster.yaml has no "
        "CeleryRunLauncher. Point DAGSTER_HOME at one that has, such as the repository's own."
    )
app = launcher.celery
create_execute_job_task(app)


@setup_logging.connect
def log_as_the_platform_does(**_: object) -> None:
    """One shape of lines everywhere; Celery sets nothing up once this is connected."""
    settings = Settings.from_environment()
    configure_logging(settings.log_format, settings.log_level)


@worker_init.connect
def sweep_what_was_left(**_: object) -> None:
    """Remove the work folders of processes that died on this machine."""
    wiring.folders(Settings.from_environment()).sweep()


@worker_process_init.connect
def die_with_the_worker(**_: object) -> None:
    """A process whose worker was killed must not go on beside the one that takes its place."""
    end_with(_WORKER, signal.SIGKILL)


@worker_process_init.connect
def import_what_runs_need(**_: object) -> None:
    """So that no run waits for it."""
    import dub_platform.processes.code_location  # noqa: F401
