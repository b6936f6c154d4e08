"""The processes as production starts them: what they log, and what they say of themselves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from dub_platform.settings import Settings
from tests.docs.documents import ROOT
from tests.support.new_registries import make_registry
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.platform import free_ports
from tests.support.servers.redis import running_redis

SHAPE = {"event", "level", "logger", "timestamp"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home and an instance of its own, and lines for machines."""
    (tmp_path / "dagster").mkdir()
    return {
        **os.environ,
        "DUB_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "DUB_LOG_FORMAT": "json",
    }


def lines_until(
    process: subprocess.Popen[str], word: str, *, most: int = 200
) -> list[Mapping[str, Any]]:
    """What the process writes, up to the line with this word; every line must be an object."""
    assert process.stderr
    lines = []
    for _ in range(most):
        lines.append(json.loads(process.stderr.readline()))
        if word in lines[-1]["event"]:
            break
    return lines


def started(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", *command],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_code_server_logs_in_the_shape_of_all_lines(environment: dict[str, str]) -> None:
    """From the moment at which it has loaded the platform."""
    (port,) = free_ports(1)
    command = [
        "dagster",
        "api",
        "grpc",
        "-m",
        "dub_platform.processes.code_location",
        "-h",
        "127.0.0.1",
    ]
    server = started([*command, "-p", str(port)], environment)
    try:
        lines = lines_until(server, "Started Dagster code server")
    finally:
        server.kill()
        server.communicate()
    assert "Started Dagster code server" in lines[-1]["event"]
    assert set() == SHAPE - set(lines[-1])


def test_a_server_that_has_redis_and_no_daemon_is_degraded(environment: dict[str, str]) -> None:
    """It is ready all the same, and its log is one object a line, uvicorn's lines too."""
    (port,) = free_ports(1)
    make_registry(Settings(home=Path(environment["DUB_HOME"])).registry_url)
    command = ["uvicorn", "--factory", "api.asgi:create", "--port", str(port), "--no-access-log"]
    with running_redis() as url:
        server = started(command, {**environment, "DUB_REDIS_URL": url})
        try:
            lines = lines_until(server, "Uvicorn running")
            answer = ready(port)
        finally:
            server.kill()
            server.communicate()
    checks = {name: check["ok"] for name, check in answer.json()["checks"].items()}
    assert {"registry": True, "store": True, "redis": True, "daemon": False} == checks
    assert (200, True) == (answer.status_code, answer.json()["degraded"])
    assert [set()] * len(lines) == [SHAPE - set(line) for line in lines]


def test_a_redis_that_is_away_degrades_it_soon(environment: dict[str, str]) -> None:
    """Nobody waits long for what is not there."""
    port, nowhere = free_ports(2)
    make_registry(Settings(home=Path(environment["DUB_HOME"])).registry_url)
    command = ["uvicorn", "--factory", "api.asgi:create", "--port", str(port), "--no-access-log"]
    server = started(command, {**environment, "DUB_REDIS_URL": f"redis://127.0.0.1:{nowhere}/0"})
    try:
        lines_until(server, "Uvicorn running")
        answer = ready(port)
    finally:
        server.kill()
        server.communicate()
    assert (200, True) == (answer.status_code, answer.json()["degraded"])
    assert "ConnectionError" == answer.json()["checks"]["redis"]["error"]


def ready(port: int) -> httpx.Response:
    """What it says of itself, as soon as it answers."""
    with socket.socket() as probe:
        wait_until(lambda: probe.connect_ex(("127.0.0.1", port)) == 0)
    return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=HANG_SECONDS)
