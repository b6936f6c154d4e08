"""`dub-admin backup` and `restore`: everything of this deployment, to a folder and back.

dub-admin backup /mnt/backup/dub                  # beside a platform at work
dub-admin restore /mnt/backup/dub [--replace]     # the platform stopped

Where DAGSTER_HOME names no instance, it is the one that `make up` keeps below DUB_HOME.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from dub_platform.commands.terminal import CommandError, add_command, console, notes
from dub_platform.core.errors import StorageError
from dub_platform.settings import Settings

if TYPE_CHECKING:
    from dub_platform.backup.deployment import Deployment
    from dub_platform.commands.terminal import Commands


def add_to(commands: Commands) -> None:
    """Add `backup` and `restore`."""
    about = "copy the databases and the store to a folder, beside a platform at work"
    saving = add_command(commands, "backup", _save, about)
    about = "put back what is in a folder, into a deployment that holds nothing and is stopped"
    restoring = add_command(commands, "restore", _restore, about)
    saving.add_argument("folder", type=Path, metavar="FOLDER", help="where it goes, or went before")
    restoring.add_argument("folder", type=Path, metavar="FOLDER", help="that of dub-admin backup")
    restoring.add_argument(
        "--replace", action="store_true", help="lose what the deployment's databases hold now"
    )


def _save(settings: Settings, asked: argparse.Namespace) -> int:
    from dub_platform.backup.deployment import save
    from dub_platform.backup.folder import BackupFolder

    folder = BackupFolder(asked.folder.expanduser().resolve())
    try:
        done = save(_deployment(settings), folder)
    except StorageError as error:
        raise _say(error) from error
    console.print(
        escape(
            f"{done.files} files ({done.bytes:,} bytes) are saved in {folder.root}; "
            f"{done.copied} of them ({done.copied_bytes:,} bytes) are new."
        )
    )
    return 0


def _restore(settings: Settings, asked: argparse.Namespace) -> int:
    from dub_platform.backup.deployment import restore
    from dub_platform.backup.folder import BackupFolder
    from dub_platform.local.stack import Stack, StackError, lock_home

    folder = BackupFolder(asked.folder.expanduser().resolve())
    try:
        # Where there is no backup nothing is made, not even the folders of a deployment.
        folder.head()
        with lock_home(settings.home):
            deployment = _deployment(settings)
            if "DAGSTER_HOME" not in os.environ:
                Stack(settings).prepare()
            done = restore(deployment, folder, replace=asked.replace)
    except StackError as error:
        raise CommandError(str(error)) from error
    except StorageError as error:
        raise _say(error) from error
    console.print(
        f"What release {done.head.release} saved at {done.head.began:%Y-%m-%d %H:%M} UTC is back, "
        f"with {done.objects} files in the store. {done.runs_ended} runs were under way then; "
        "what they were at is requested anew when the platform starts."
    )
    return 0


def _say(error: StorageError) -> StorageError:
    """The error, once what the database's own program said of it is written."""
    if error.detail:
        notes.print(escape(error.detail))
    return error


def _deployment(settings: Settings) -> Deployment:
    from dub_platform.backup.deployment import Deployment
    from dub_platform.local.stack import Stack

    home = os.environ.get("DAGSTER_HOME")
    return Deployment(settings, Path(home) if home else Stack(settings).dagster_home)
