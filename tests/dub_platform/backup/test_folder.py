"""The folder of a backup: whole until the next one is, and no other than what was saved."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from dub_platform.backup.folder import BackupFolder, Entry, Head
from dub_platform.core.errors import BackupError

HEAD = Head(datetime(2026, 11, 22, 16, 30, tzinfo=timezone.utc), "0.1.0")


def saved(folder: BackupFolder, **contents: str) -> list[Entry]:
    """Make these the backup."""
    with folder.held() as work:
        entries = []
        for name, content in contents.items():
            (work / name).write_text(content)
            entries.append(folder.take(work / name, name))
        folder.conclude(HEAD, entries)
    return entries


def files(folder: BackupFolder) -> list[Path]:
    return sorted((folder.root / "files").glob("*/*"))


def test_what_was_saved_is_listed_and_whole(folder: BackupFolder) -> None:
    """Each file with its name, size and content."""
    entries = saved(folder, registry="rows", dagster="runs")
    folder.check()
    assert (HEAD, entries) == (folder.head(), list(folder.entries()))
    assert ["rows", "runs"] == [folder.file(entry).read_text() for entry in entries]
    assert [4, 4] == [entry.bytes for entry in entries]


def test_the_same_content_is_kept_once(folder: BackupFolder) -> None:
    """Whatever it is called."""
    saved(folder, one="same", two="same")
    assert 1 == len(files(folder))
    folder.check()


def test_a_new_backup_takes_the_place_of_the_last(folder: BackupFolder) -> None:
    """What only the last one had is gone, and what both have is still there."""
    stays, _ = saved(folder, stays="a", goes="b")
    new = saved(folder, stays="a", new="c")
    assert [folder.file(entry) for entry in sorted(new, key=lambda e: e.sha256)] == files(folder)
    assert folder.file(stays).is_file()


def test_a_backup_that_is_cut_short_leaves_the_last_one_whole(folder: BackupFolder) -> None:
    """Its list is the last thing written, and what it had done by then is in nobody's way."""
    entries = saved(folder, registry="old")
    with folder.held() as work:
        (work / "registry").write_text("new")
        folder.take(work / "registry", "registry")
    folder.check()
    assert entries == list(folder.entries())
    saved(folder, registry="newer")
    assert 1 == len(files(folder))
    assert [] == list(folder.root.glob("work-*"))


def test_two_may_not_save_to_one_folder_at_once(folder: BackupFolder) -> None:
    """The second would take the first one's new files for old ones."""
    with (
        folder.held(),
        pytest.raises(BackupError, match="Another backup is being saved"),
        folder.held(),
    ):
        pass


@pytest.mark.parametrize("damage", ["changed", "shorter", "missing"])
def test_damage_is_found_and_named(folder: BackupFolder, damage: str) -> None:
    """Of all files, the one that is not what was saved."""
    _, dump = saved(folder, registry="rows", dagster="runs")
    path = folder.file(dump)
    {  # type: ignore[operator]
        "changed": lambda: path.write_text("ruin"),
        "shorter": lambda: path.write_text("run"),
        "missing": path.unlink,
    }[damage]()
    with pytest.raises(BackupError, match=r"1 files .* dagster for one, so nothing was restored"):
        folder.check()


def test_a_folder_without_a_backup_says_so(folder: BackupFolder) -> None:
    """Rather than that there was nothing in it."""
    assert folder.is_empty()
    with pytest.raises(BackupError, match=r"There is no backup in .*: it has no list\.jsonl"):
        folder.check()


@pytest.mark.parametrize("content", ["", "{}\n", "no JSON\n"])
def test_a_list_that_cannot_be_read_says_so(folder: BackupFolder, content: str) -> None:
    """A list that was cut or written over is no backup."""
    saved(folder, registry="rows")
    (folder.root / "list.jsonl").write_text(content)
    with pytest.raises(BackupError, match="cannot be read"):
        folder.head()
