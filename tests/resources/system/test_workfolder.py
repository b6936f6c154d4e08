"""Work folders: empty when they are given, gone when they are left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import StorageFullError
from resources.system.file_lock import hold_lock
from resources.system.workfolder import WorkFolders
from tests.support.full_disks import on_a_full_disk

WORKER = """
import sys
from pathlib import Path
from resources.system.file_lock import hold_lock
from resources.system.workfolder import WorkFolders

root = Path(sys.argv[1])
with WorkFolders(root).new("mix") as folder, hold_lock(root / "turn-1f2e"):
    (folder / "half.m4a").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    sys.stdin.read()
"""


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


def test_a_full_disk_is_named_and_leaves_no_folder(folders: WorkFolders) -> None:
    """Whatever a step writes there by itself."""

    def step() -> None:
        with folders.new("mix") as folder:
            on_a_full_disk(folder / "track.m4a").write_bytes(b"x" * 10_000)

    with pytest.raises(StorageFullError, match="what the step mix makes could not be written"):
        step()
    assert [] == list(folders.root.iterdir())


def test_what_a_killed_process_left_is_swept_at_once(folders: WorkFolders) -> None:
    """Its folder and its turn, with what they held; while it lived, neither was touched."""
    command = [sys.executable, "-c", WORKER, str(folders.root)]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with worker:
        assert worker.stdout is not None
        folder = Path(worker.stdout.readline().strip())
        assert {} == folders.sweep()
        worker.kill()
    left = {folder.name: 1000, "turn-1f2e": 0}
    assert (left, True) == (folders.sweep(dry_run=True), folder.exists())
    assert left == folders.sweep()
    assert [] == list(folders.root.iterdir())


def test_what_somebody_holds_is_not_swept(folders: WorkFolders) -> None:
    """However old it is: a long video takes hours."""
    with folders.new("mix") as folder, hold_lock(folders.root / "turn-1f2e"):
        assert {} == folders.sweep()
        assert folder.is_dir()


def test_what_is_not_ours_is_not_swept(folders: WorkFolders) -> None:
    """A library that writes a file of its own into the spool may be at it."""
    folders.root.mkdir(parents=True)
    (folders.root / "tmp0a1b").write_bytes(b"x")
    assert {} == folders.sweep()
    assert ["tmp0a1b"] == [path.name for path in folders.root.iterdir()]


def test_what_the_store_keeps_too_counts_for_nothing(folders: WorkFolders, tmp_path: Path) -> None:
    """A copy fetched from a local store is a second name of the same bytes."""
    kept = tmp_path / "kept"
    kept.write_bytes(b"x" * 1000)
    (folders.root / "mix-a.work").mkdir(parents=True)
    (folders.root / "mix-a.work" / "copy").hardlink_to(kept)
    assert {"mix-a.work": 0} == folders.sweep()
    assert b"x" * 1000 == kept.read_bytes()


def test_sweeps_do_not_disturb_those_who_begin_to_work(folders: WorkFolders) -> None:
    """While folders come and go, two sweeps find nothing that is left."""

    def work() -> int:
        for _ in range(100):
            with folders.new("mix") as folder:
                (folder / "file").write_bytes(b"x")
        return 0

    def sweep() -> int:
        return sum(len(folders.sweep()) for _ in range(100))

    assert [0, 0, 0, 0] == at_once([work, sweep, work, sweep])
