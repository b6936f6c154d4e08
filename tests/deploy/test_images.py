"""The Dockerfile and the compose file, carried out without docker's engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from benchmarks.images.dockerfile import stages
from tests.support.rig.cluster.composition import ROOT, services
from tests.support.rig.cluster.machine import SECRETS

pytestmark = pytest.mark.long


def test_the_composition_is_built_started_and_used_as_it_is_written() -> None:
    """Every step of the images and every service but Grafana, from a clone that others cannot read.

    The sample is dubbed by the composition, and by the lines of the Procfile with what Railway
    sets; what leads out of the networks and what does not is tried.
    """
    command = [sys.executable, "-m", "benchmarks.images"]
    if os.geteuid() != 0:
        command = ["sudo", "-n", "--preserve-env", *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert (3, 0) == (told["released"], told["faults"])
    composed = [one for one in services(SECRETS).values() if not one.get("profiles")]
    assert len(composed) - len(told["left_out"]) + 4 == told["services"]
    built = stages(ROOT / "deploy" / "Dockerfile")
    assert told["steps"] > sum(len(stage.steps) for stage in built.values()) / 2
