from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from dub_platform.registry import SqlRegistry
from sensors import waiting
from tests.support.new_registries import make_registry


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that finds nothing ends at once."""
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.0)


@pytest.fixture
def registry(tmp_path: Path) -> SqlRegistry:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    make_registry(url)
    return SqlRegistry.at(url)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance
