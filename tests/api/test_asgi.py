"""The app as uvicorn makes it, from the environment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from starlette.testclient import TestClient

from api.asgi import create
from dub_platform.registry.migrate import upgrade
from dub_platform.settings import Settings


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of its own; the logging that `create` sets up is taken back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(_made(tmp_path / "dagster")))
    monkeypatch.setenv("DUB_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("GIT_COMMIT", "abc123")
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def test_the_settings_make_an_app_that_is_ready() -> None:
    """With a migrated registry and a place to write, every check is well."""
    upgrade(Settings().registry_url)
    with TestClient(create()) as client:
        body = client.get("/ready").json()
        assert {"registry": True, "store": True} == {
            name: check["ok"] for name, check in body["checks"].items()
        }
        assert "abc123" == client.get("/version").json()["commit"]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
