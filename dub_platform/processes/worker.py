"""The Celery worker: runs execute in its warm processes, one after another.

    celery -A dub_platform.processes.worker worker -Q transcribe,dub --concurrency 2

The instance's dagster.yaml configures the broker and the storage of tasks, for senders and workers
alike. Modules are imported, and models loaded, once for each process and not for each run.
"""

from __future__ import annotations

import gc
import os
import signal

from celery.signals import setup_logging, task_postrun, worker_init, worker_process_init
from dagster import DagsterInstance
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task

from dub_platform import wiring
from dub_platform.observability import configure_logging
from dub_platform.settings import Settings
from resources.system.bound_process import end_with
from resources.system.memory import give_back_memory

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
    """Use our logging; Celery configures none of its own if this signal has a receiver."""
    settings = Settings.from_environment()
    configure_logging(settings.log_format, settings.log_level)


@worker_init.connect
def sweep_what_was_left(**_: object) -> None:
    """Delete the work folders that dead processes have left on this machine."""
    wiring.folders(Settings.from_environment()).sweep()


@worker_process_init.connect
def die_with_the_worker(**_: object) -> None:
    """Have the kernel end this process with its worker, so that it never works beside its
    replacement."""
    end_with(_WORKER, signal.SIGKILL)


@worker_process_init.connect
def import_what_runs_need(**_: object) -> None:
    """Import what runs need, so that no run waits for it."""
    import dub_platform.processes.code_location  # noqa: F401

    # All that is loaded stays for ever: no collection after a run need walk through it.
    gc.collect()
    gc.freeze()


@task_postrun.connect
def give_back_what_the_run_freed(**_: object) -> None:
    """Keep the process as small between runs as it was before them."""
    give_back_memory()
