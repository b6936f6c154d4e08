"""The app as uvicorn makes it, from the environment."""

from __future__ import annotations

import gc
import importlib.util
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from starlette.testclient import TestClient

from api import asgi
from api.asgi import create, services_from
from api.background.partition_keys import Announcer
from api.services import Services
from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.service.access import Scope
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.settings import Settings, WrongSettingError
from tests.support.new_registries import make_registry


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
    gc.unfreeze()


def test_the_settings_make_an_app_that_is_ready() -> None:
    """With a migrated registry and a place to write, every check is well."""
    make_registry(Settings().registry_url)
    with TestClient(create()) as client:
        body = client.get("/ready").json()
        # No daemon was ever heard of here, and a video can be accepted without one.
        assert body["degraded"]
        assert {"registry": True, "store": True, "daemon": False} == {
            name: check["ok"] for name, check in body["checks"].items()
        }
        assert "abc123" == client.get("/version").json()["commit"]


def test_no_collection_looks_through_what_stays() -> None:
    """It would take a tenth of a second, in which nobody is answered."""
    make_registry(Settings().registry_url)
    create()
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())


def test_what_requests_have_freed_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as the process lives."""
    began: list[str] = []
    monkeypatch.setattr(asgi, "give_back_regularly", lambda: began.append("memory"))
    make_registry(Settings().registry_url)
    create()
    assert ["memory"] == began


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
    make_registry(Settings().registry_url)
    assert ("auto", True) == (services().source_language, services().detects_languages)


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
        services()


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ({"DUB_HOST": "0.0.0.0"}, []),
        ({"DUB_PUBLIC_URL": "https://dub.example.com"}, []),
        ({}, ["--host", "0.0.0.0"]),
        ({}, ["--host=::", "--port", "5001"]),
        ({"UVICORN_HOST": "192.0.2.1"}, []),
    ],
)
def test_an_api_for_others_does_not_start_before_it_is_told_of_keys(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], arguments: list[str]
) -> None:
    """Whichever way it was told to listen further; the sentence names what to set."""
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys, "argv", ["uvicorn", "--factory", "api.asgi:create", *arguments])
    with pytest.raises(WrongSettingError, match=r"DUB_AUTH=keys.*DUB_AUTH=off"):
        create()
    for choice in ("keys", "off"):
        monkeypatch.setenv("DUB_AUTH", choice)
        create()


def test_nobody_but_this_machine_is_answered_by_default() -> None:
    """Whatever the server listens on; with keys, who has one is."""
    make_registry(Settings().registry_url)
    app = create()
    answers = [
        TestClient(app, client=(address, 50_000), base_url="http://localhost").get("/videos")
        for address in ("127.0.0.1", "203.0.113.7")
    ]
    assert [200, 403] == [answer.status_code for answer in answers]


def test_keys_are_asked_for_where_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the command makes opens what its scopes say."""
    make_registry(Settings().registry_url)
    monkeypatch.setenv("DUB_AUTH", "keys")
    _, token = ApiKeys.at(Settings().registry_url).make(tenant="acme", scopes={Scope.READ})
    with TestClient(create()) as client:
        header = {"authorization": f"Bearer {token.text}"}
        assert [401, 200] == [
            client.get("/videos", headers=sent).status_code for sent in ({}, header)
        ]


@pytest.mark.parametrize("limits", ["*=many", "videos"])
def test_limits_that_mean_nothing_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, limits: str
) -> None:
    """With the variable's name."""
    monkeypatch.setenv("DUB_RATE_LIMITS", limits)
    with pytest.raises(WrongSettingError, match="DUB_RATE_LIMITS cannot be used"):
        services()


def services() -> Services:
    """The services of this environment."""
    return services_from(Settings.from_environment(), Announcer())


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
