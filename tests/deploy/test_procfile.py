"""The Procfile: compose's commands, for a platform that sets PORT, DATABASE_URL and REDIS_URL."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.rig.cluster.composition import ROOT, services
from tests.support.rig.cluster.machine import SECRETS

COMPOSED = services(SECRETS)
LINES = dict(re.findall(r"(?m)^([\w-]+): (.+)$", (ROOT / "Procfile").read_text()))
SAME = {"web": "api", "daemon": "daemon", "webserver": "webserver"}
PORTS = {"web": "5001", "webserver": "3000"}


def run_line(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a shell does with the line in an environment that holds these variables alone."""
    told = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    run = ["bash", "-u", "-c", line]
    return subprocess.run(run, cwd=ROOT, env=told, capture_output=True, text=True, check=False)


def words_of(name: str, **variables: str) -> list[str]:
    """The command of a line as `deploy/hosted.sh` is given it."""
    said = run_line(LINES[name].replace("bash deploy/hosted.sh", "printf '%s\\n'"), **variables)
    assert 0 == said.returncode, said.stderr
    return said.stdout.splitlines()


@pytest.mark.parametrize("name", SAME)
def test_a_line_runs_the_command_of_its_service(name: str) -> None:
    """Word for word; but for where the code is, of which there is no server."""
    words = words_of(name, PORT=PORTS.get(name, ""))
    composed = [str(word) for word in COMPOSED[SAME[name]]["command"]]
    assert composed == [w.replace("deploy/hosted.yaml", "workspace.yaml") for w in words]


def test_the_worker_takes_from_every_queue() -> None:
    """One service is enough, with nothing set; with variables it is part of one."""
    start = ["python", "-m", "celery", "-A", "dub_platform.processes.worker", "worker", "-Q"]
    end = ["-n", "worker@%h", "--concurrency"]
    assert [*start, "transcribe,dub", *end, "2"] == words_of("worker")
    told = words_of("worker", WORKER_QUEUES="transcribe", WORKER_PROCESSES="1")
    assert [*start, "transcribe", *end, "1"] == told


def test_a_release_migrates_both_databases() -> None:
    """The registry's, then Dagster's; the second only if the first succeeded."""
    commands = LINES["release"].split(" && ")
    expected = [COMPOSED[name]["command"] for name in ("migrate", "migrate-dagster")]
    assert [f"bash deploy/hosted.sh {' '.join(words)}" for words in expected] == commands


def test_every_line_is_known() -> None:
    """Nothing runs that these tests do not compare."""
    assert {*SAME, "release", "worker"} == set(LINES)


def test_what_compose_sets_is_set() -> None:
    """Keys are asked for, the store is a bucket, the instance is the folder's."""
    shown = "bash deploy/hosted.sh env"
    told = dict(line.split("=", 1) for line in run_line(shown).stdout.splitlines())
    assert ("keys", "r2", "json") == tuple(
        told[f"DUB_{name}"] for name in ("AUTH", "STORE", "LOG_FORMAT")
    )
    assert str(ROOT) == told["DAGSTER_HOME"]
    assert "DUB_AUTH=off" in run_line(shown, DUB_AUTH="off").stdout.splitlines()
    public = run_line(shown, RAILWAY_PUBLIC_DOMAIN="dub.example.org").stdout
    assert "DUB_PUBLIC_URL=https://dub.example.org" in public.splitlines()


def test_a_service_of_railway_runs_the_line_of_its_name(tmp_path: Path) -> None:
    """Both files start it alike; a name without a line is refused with those that there are."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$DUB_AUTH" "$@"\n')
    python.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    files = [ROOT / "railway.json", ROOT / "deploy" / "railway.worker.json"]
    [start] = {json.loads(file.read_text())["deploy"]["startCommand"] for file in files}
    for name in SAME:
        ran = run_line(start, PATH=path, PORT="81", RAILWAY_SERVICE_NAME=name)
        assert f"keys {' '.join(words_of(name, PORT='81')[1:])}\n" == ran.stdout
    refused = run_line(start, PATH=path, RAILWAY_SERVICE_NAME="api")
    assert 1 == refused.returncode
    assert "one of these names: release web worker daemon webserver." in refused.stderr
