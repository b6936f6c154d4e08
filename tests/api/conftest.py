from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api.app import create_app
from tests.support.rig.services import Services, make_clip, make_services, serving

Log = list[MutableMapping[str, Any]]


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """What was logged. A test that expects an error takes it out; any other fails by it."""
    with capture_logs() as lines:
        yield lines
    assert [] == [line for line in lines if line["log_level"] in ("error", "critical")]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path)


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services)) as client:
        yield client


@pytest.fixture
def server(services: Services) -> Iterator[str]:
    with serving(services) as url:
        yield url


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video with sound."""
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")
