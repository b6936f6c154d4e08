"""The tables of the embedded Dagster instance."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dub_platform.core.errors import StorageUnavailableError
from dub_platform.local.dagster_tables import are_made, make_tables
from dub_platform.local.stack import CHECKOUT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A DAGSTER_HOME with its configuration and nothing else."""
    shutil.copy(CHECKOUT / "deploy" / "embedded" / "dagster.yaml", tmp_path)
    return tmp_path


def test_they_are_made_once_for_each_version(home: Path) -> None:
    """What another version of Dagster made is upgraded."""
    assert not are_made(home)
    make_tables(home)
    assert are_made(home)
    (home / "migrated-by").write_text("1.0.0")
    assert not are_made(home)


def test_tables_that_cannot_be_made_are_said_in_a_sentence(home: Path) -> None:
    """The folder's name and what to do are in it; they are not taken for made."""
    (home / "history").write_text("no folder")
    with pytest.raises(StorageUnavailableError, match=r"Dagster's own tables in .+ Look whether"):
        make_tables(home)
    assert not are_made(home)
