"""Work folders: empty when they are given, gone when they are left."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.workfolder import WorkFolders


@pytest.fixture
def folders(tmp_path: Path) -> WorkFolders:
    """Below a folder that nobody has made yet."""
    return WorkFolders(tmp_path / "home" / "spool")


def test_a_folder_is_empty_and_named_after_its_step(folders: WorkFolders) -> None:
    """An operator who looks into the spool sees what is going on."""
    with folders.new("mix") as folder:
        assert [] == list(folder.iterdir())
        assert folder.name.startswith("mix-")


def test_two_folders_of_one_step_are_apart(folders: WorkFolders) -> None:
    """Runs beside each other do not meet in their files."""
    with folders.new("mix") as one, folders.new("mix") as other:
        assert one != other


def test_a_folder_is_gone_with_all_in_it(folders: WorkFolders) -> None:
    """Files, folders and what cannot be written to."""
    with folders.new("mix") as folder:
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "file").write_bytes(b"x")
        (folder / "deep" / "er" / "file").chmod(0o400)
    assert [] == list(folders.root.iterdir())


def test_a_failure_leaves_no_folder(folders: WorkFolders) -> None:
    """And is raised as it is."""

    def step() -> None:
        with folders.new("mix") as folder:
            (folder / "half").write_bytes(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        step()
    assert [] == list(folders.root.iterdir())
