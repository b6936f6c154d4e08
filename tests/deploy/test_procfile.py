"""The Procfile: the same commands as compose's, for platforms that have one."""

from __future__ import annotations

import os
import re
import shlex

import pytest

from benchmarks.cluster.composition import ROOT, services
from benchmarks.cluster.machine import SECRETS

COMPOSED = services(SECRETS)
LINES = dict(re.findall(r"(?m)^([\w-]+): (.+)$", (ROOT / "deploy" / "Procfile").read_text()))
SAME = {
    "web": "api",
    "code": "code",
    "daemon": "daemon",
    "webserver": "webserver",
    "worker-transcribe": "worker-transcribe",
    "worker": "worker-dub",
}
# What such a platform, or its operator, sets.
VARIABLES = {
    "DUB_CODE_PORT": "4000",
    "WORKER_TRANSCRIBE_PROCESSES": "1",
    "WORKER_DUB_PROCESSES": "2",
}
PORTS = {"web": "5001", "webserver": "3000"}


@pytest.mark.parametrize("name", SAME)
def test_a_line_runs_the_command_of_its_service(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word, with the variables filled in."""
    for variable, value in {**VARIABLES, "PORT": PORTS.get(name, "")}.items():
        monkeypatch.setenv(variable, value)
    words = shlex.split(os.path.expandvars(LINES[name]))
    assert [str(word) for word in COMPOSED[SAME[name]]["command"]] == words


def test_a_release_migrates_both_databases() -> None:
    """The registry's, then Dagster's; the second only if the first succeeded."""
    first, second = LINES["release"].split(" && ")
    assert COMPOSED["migrate"]["command"] == shlex.split(first)
    assert COMPOSED["migrate-dagster"]["command"] == shlex.split(second)


def test_every_line_is_known() -> None:
    """Nothing runs that these tests do not compare."""
    assert {*SAME, "release"} == set(LINES)
