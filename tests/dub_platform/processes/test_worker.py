"""The worker: what a machine does before it takes its first task."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_worker_removes_what_killed_ones_have_left(tmp_path: Path) -> None:
    """At its start, on its own machine."""
    (tmp_path / "dagster.yaml").write_text(INSTANCE)
    (tmp_path / "spool" / "mix-killed.work").mkdir(parents=True)
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path), "DUB_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", START], env=environment, check=True)
    assert [] == list((tmp_path / "spool").iterdir())
