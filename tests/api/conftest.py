from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api.app import create_app
from api.services import Desk
from tests.support.rig.desks import make_clip, make_desk, serving

Log = list[MutableMapping[str, Any]]


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """What was logged. A test that expects an error takes it out; any other fails by it."""
    with capture_logs() as lines:
        yield lines
    assert [] == [line for line in lines if line["log_level"] in ("error", "critical")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    with TestClient(create_app(desk)) as client:
        yield client


@pytest.fixture
def server(desk: Desk) -> Iterator[str]:
    with serving(desk) as url:
        yield url


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video with sound."""
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")
