"""The worker: what it does before its first task, and after each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSTANCE = """
run_launcher:
  module: dagster_celery.launcher
  class: CeleryRunLauncher
  config: {broker: "redis://127.0.0.1:1", backend: "redis://127.0.0.1:1", default_queue: dub}
"""
START = """
from celery.signals import worker_init
import dub_platform.processes.worker
worker_init.send(None)
"""
# A task that leaves much free memory below one block that stays.
TASK = """
from psutil import Process
from dub_platform.processes.worker import app

stays = []

def held():
    return Process().memory_full_info().uss / 1e6

@app.task
def work():
    blocks = [bytes(2000) for _ in range(50_000)]
    stays.append(bytes(2000))
    del blocks
    return held()

before = held()
print(work.apply().get() - before, held() - before)
"""
# What each process does that executes runs.
IMPORT = """
import gc, threading
from dub_platform.processes.worker import import_what_runs_need
import_what_runs_need()
print(gc.get_freeze_count() > 10 * len(gc.get_objects()))
print("memory" in [thread.name for thread in threading.enumerate()])
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home of a worker that has started, done a task and imported what runs need, and what it
    printed then."""
    home = tmp_path_factory.mktemp("worker")
    (home / "dagster.yaml").write_text(INSTANCE)
    (home / "spool" / "mix-killed.work").mkdir(parents=True)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DUB_HOME": str(home)}
    command = [sys.executable, "-c", START + TASK + IMPORT]
    return home, subprocess.run(command, env=environment, check=True, stdout=-1, text=True).stdout


def test_a_worker_removes_what_killed_ones_have_left(told: tuple[Path, str]) -> None:
    """At its start, on its own machine."""
    assert [] == list((told[0] / "spool").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps what is freed; others do not")
def test_a_worker_gives_back_what_a_run_has_freed(told: tuple[Path, str]) -> None:
    """Each run would otherwise leave the process larger, though nothing of it is held."""
    in_the_task, after_it = map(float, told[1].splitlines()[0].split())
    assert in_the_task > 50
    assert after_it < in_the_task / 4


def test_no_collection_after_a_run_looks_through_what_stays(told: tuple[Path, str]) -> None:
    """Nor does the code that runs have in common leave its memory to malloc, whoever loads it."""
    assert ["True", "True"] == told[1].splitlines()[1:]
