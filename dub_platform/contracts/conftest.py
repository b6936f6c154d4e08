"""Chooses the engines that are held to their contracts, and makes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dub_platform import wiring
from dub_platform.entry_points import GROUPS, installed
from dub_platform.registry.migrate import upgrade
from dub_platform.settings import Settings


def names_under_test(role: str) -> list[str]:
    """The engines of other packages, and the one that the environment names."""
    found = [each.name for each in installed() if each.role == role and not each.is_ours]
    named = os.environ.get(f"DUB_{role.upper()}")
    return list(dict.fromkeys([*found, *filter(None, [named])]))


UNDER_TEST = {role: names_under_test(role) for role in GROUPS}
# A role without an engine to test has no tests, rather than skipped ones.
collect_ignore = [f"test_{role}s.py" for role, names in UNDER_TEST.items() if not names]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with every engine of its role, or of any role."""
    for role, names in UNDER_TEST.items():
        if f"{role}_settings" in metafunc.fixturenames:
            metafunc.parametrize(f"{role}_settings", names, indirect=True, scope="module")
    if "any_engine" in metafunc.fixturenames:
        pairs = [(role, name) for role, names in UNDER_TEST.items() for name in names]
        metafunc.parametrize("any_engine", pairs, ids="=".join)


def read_settings(role: str, name: str, folder: Path) -> Settings:
    """The settings of the environment, with this engine and everything else in the folder."""
    chosen: dict[str, Any] = {role: name, "home": folder, "database_url": ""}
    settings = Settings(**chosen)
    upgrade(settings.registry_url)
    return settings


@pytest.fixture(scope="module")
def voice_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return read_settings("voice", request.param, tmp_path_factory.mktemp("voice"))


@pytest.fixture(scope="module")
def translator_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return read_settings("translator", request.param, tmp_path_factory.mktemp("translator"))


@pytest.fixture(scope="module")
def transcriber_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return read_settings("transcriber", request.param, tmp_path_factory.mktemp("transcriber"))


@pytest.fixture(scope="module")
def separator_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = read_settings("separator", request.param, tmp_path_factory.mktemp("separator"))
    return settings.model_copy(update={"original": "remove"})


@pytest.fixture(scope="module")
def store_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = read_settings("store", request.param, tmp_path_factory.mktemp("store"))
    if any(wiring.store(settings).keys("")):
        pytest.exit(
            f"DUB_STORE={settings.store} has something in it, and these tests delete what they "
            "find. Name an empty one.",
            returncode=pytest.ExitCode.USAGE_ERROR,
        )
    return settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A work folder."""
    (made := tmp_path / "work").mkdir()
    return made
