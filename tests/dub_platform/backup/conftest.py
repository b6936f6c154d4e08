"""Fixtures of the backup's tests: the registry's databases, and a folder to save to."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.backup.folder import BackupFolder
from tests.contracts.databases import (
    database_url,
    empty_engine,
    engine,
    postgres,
    postgres_tools,
    postgres_url,
)

__all__ = ["database_url", "empty_engine", "engine", "postgres", "postgres_tools", "postgres_url"]


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    """Nothing was saved there yet."""
    return BackupFolder(tmp_path / "backup")
