"""A server of the cluster: what is left of it when it was killed."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.processes import alive
from tests.support.rig.cluster.server import Server, says

# As PostgreSQL's, its children do not keep the environment that they were started with.
WITH_A_CHILD = """
import subprocess, sys
child = "held = bytearray(200 << 20); print('ready', flush=True); input()"
subprocess.Popen([sys.executable, "-c", child], env={}, stdin=subprocess.PIPE).wait()
"""


def test_nothing_of_it_runs_when_it_was_killed(tmp_path: Path) -> None:
    """Not even what takes a moment to die, and what it held is free for the next start."""
    command = [sys.executable, "-c", WITH_A_CHILD]
    server = Server("server", command, {}, tmp_path, is_ready=says("ready"))
    server.start()
    server.await_ready()
    pids = server.pids()
    server.kill()
    assert 2 == len(pids)
    assert not [pid for pid in pids if alive(pid)]
