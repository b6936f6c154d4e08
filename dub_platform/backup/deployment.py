"""The deployment that is saved or restored: a registry, a Dagster instance, a store.

report = save(Deployment(settings, dagster_home), BackupFolder(path))
report = restore(Deployment(settings, dagster_home), BackupFolder(path))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from dub_platform import wiring
from dub_platform.backup.databases import Database, dagster_database, database_at
from dub_platform.backup.folder import BackupFolder, Entry, Head
from dub_platform.backup.objects import Previous, restored, saved
from dub_platform.core.errors import BackupError
from dub_platform.local.dagster_storage import open_instance
from dub_platform.registry.migrate import upgrade
from dub_platform.settings import Settings
from resources.store.port import Store

_ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_UNDER_WAY = RunsFilter(statuses=[each for each in DagsterRunStatus if each not in _ENDED])


@dataclass(frozen=True)
class Deployment:
    """Where everything is. `dagster_home` is the folder with the instance's dagster.yaml."""

    settings: Settings
    dagster_home: Path

    def instance(self) -> DagsterInstance:
        """The Dagster instance, opened anew; its tables are made where they are missing."""
        return open_instance(self.dagster_home)

    def store(self) -> Store:
        return wiring.store(self.settings)

    def databases(self, instance: DagsterInstance) -> tuple[Database, Database]:
        """What refers to something before what it refers to."""
        return dagster_database(instance), database_at("registry", self.settings.registry_url)


@dataclass(frozen=True)
class Saved:
    """How much a backup holds, and how much of it was not in the last one."""

    files: int
    bytes: int
    copied: int
    copied_bytes: int


@dataclass(frozen=True)
class Restored:
    """How much was put back, and how many runs were under way when it was saved."""

    objects: int
    runs_ended: int
    head: Head


def save(deployment: Deployment, folder: BackupFolder) -> Saved:
    """Copy the deployment, which may be at work, to the folder. Raises StorageError."""
    head, copied = Head(datetime.now(timezone.utc), version("dub-platform")), list[Entry]()
    with folder.held() as work:
        dumps = list(_dumped(deployment, folder, work))
        files = saved(deployment.store(), folder, work, _previous(folder), copied.append)
        entries = [*dumps, *files]
        folder.conclude(head, entries)
    return Saved(len(entries), _bytes(entries), len(dumps) + len(copied), _bytes(dumps + copied))


def restore(deployment: Deployment, folder: BackupFolder, *, replace: bool = False) -> Restored:
    """Put back what the folder holds, into a deployment that is stopped and holds nothing.

    With `replace`, what its databases hold is lost, and what its store holds beyond the backup
    stays. Raises StorageError; before anything is touched, if the backup is damaged.
    """
    folder.check()
    with deployment.instance() as instance:
        parts = _parts(folder, deployment.databases(instance))
        if not replace:
            _require_nothing(deployment, instance)
    for database, files in parts:
        database.load(files)
    objects = restored(deployment.store(), folder, folder.entries())
    upgrade(deployment.settings.registry_url)
    return Restored(objects, _runs_ended(deployment), folder.head())


def _dumped(deployment: Deployment, folder: BackupFolder, work: Path) -> Iterator[Entry]:
    with deployment.instance() as instance:
        for database in deployment.databases(instance):
            for name, path in database.dumped(work):
                yield folder.take(path, name)


def _previous(folder: BackupFolder) -> Previous:
    if folder.is_empty():
        return Previous({})
    return Previous({entry.name: entry for entry in folder.entries()}, folder.head().began)


def _parts(
    folder: BackupFolder, databases: Sequence[Database]
) -> Sequence[tuple[Database, Mapping[str, Path]]]:
    """Each database with its files. Raises BackupError for a database of another kind."""
    parts = []
    for database in databases:
        own = (entry for entry in folder.entries() if entry.name.startswith(database.label))
        files = {entry.name: folder.file(entry) for entry in own}
        if not files:
            raise BackupError(
                f"The backup in {folder.root} has nothing for {database.label}: it was saved from "
                "another kind of database. Restore it where the same kind is set."
            )
        parts.append((database, files))
    return parts


def _require_nothing(deployment: Deployment, instance: DagsterInstance) -> None:
    upgrade(deployment.settings.registry_url)
    found = {
        "the registry has videos": wiring.registry(deployment.settings).videos(limit=1).videos,
        "Dagster has runs": instance.get_runs_count(),
        "the store has files": next(deployment.store().keys(""), None),
    }
    if full := [what for what, there in found.items() if there]:
        raise BackupError(
            f"This deployment is not empty ({', '.join(full)}), so nothing was restored. Restore "
            "into an empty one, or say --replace to lose what its databases hold."
        )


def _runs_ended(deployment: Deployment) -> int:
    """End the runs that nobody is at any more, so that what they were at is requested anew."""
    with deployment.instance() as instance:
        instance.upgrade()
        runs = instance.get_runs(_UNDER_WAY)
        for run in runs:
            instance.report_run_failed(run, "It was under way when the backup was saved.")
    return len(runs)


def _bytes(entries: list[Entry]) -> int:
    return sum(entry.bytes for entry in entries)
