"""What holds for every test."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# A shell without job control starts what it puts in the background with SIGINT ignored. Dagster
# handles SIGTERM as it does SIGINT, so neither it nor a process it starts could be told to end.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def named_ffmpeg() -> None:
    """DUB_FFMPEG=/usr/bin/ffmpeg pytest tests/resources/media tests that one."""
    if named := os.environ.get("DUB_FFMPEG"):
        from resources.media import ffmpeg

        ffmpeg.choose(Path(named))


@pytest.fixture(autouse=True)
def own_temporary_files() -> Iterator[None]:
    """An API that runs in this process moves them, which is no business of the next test."""
    tempfile.tempdir = None
    yield
    tempfile.tempdir = None
