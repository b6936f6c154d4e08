"""The app as uvicorn makes it, from the environment."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from starlette.testclient import TestClient

from api.announce import Announcer
from api.asgi import create, desk_from
from api.desk import Desk
from dub_platform.core.errors import EngineUnavailableError
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
        # No daemon was ever heard of here, and a video can be accepted without one.
        assert body["degraded"]
        assert {"registry": True, "store": True, "daemon": False} == {
            name: check["ok"] for name, check in body["checks"].items()
        }
        assert "abc123" == client.get("/version").json()["commit"]


@pytest.mark.parametrize(
    "transcriber",
    [{"DUB_TRANSCRIBER": "whisper"}, {"DUB_TRANSCRIBER": "openai", "OPENAI_API_KEY": "sk-test"}],
)
def test_the_spoken_language_can_be_left_to_who_can_tell(
    monkeypatch: pytest.MonkeyPatch, transcriber: dict[str, str]
) -> None:
    """Whisper's packages are not asked for where only its answer is wanted."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    for variable, value in {"DUB_SOURCE_LANGUAGE": "auto", **transcriber}.items():
        monkeypatch.setenv(variable, value)
    upgrade(Settings().registry_url)
    assert ("auto", True) == (desk().source_language, desk().detects_languages)


@pytest.mark.parametrize(
    "transcriber", [{}, {"DUB_TRANSCRIBER": "whisper", "DUB_WHISPER_MODEL": "base.en"}]
)
def test_the_spoken_language_is_not_left_to_who_cannot_tell(
    monkeypatch: pytest.MonkeyPatch, transcriber: dict[str, str]
) -> None:
    """The sentence names both settings."""
    for variable, value in {"DUB_SOURCE_LANGUAGE": "auto", **transcriber}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(EngineUnavailableError, match=r"DUB_SOURCE_LANGUAGE.*DUB_TRANSCRIBER"):
        desk()


def desk() -> Desk:
    """The desk of this environment."""
    return desk_from(Settings.from_environment(), Announcer())


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
