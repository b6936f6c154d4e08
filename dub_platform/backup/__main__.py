"""`python -m dub_platform.backup save|restore FOLDER`: this environment's deployment.

Where DAGSTER_HOME names no instance, it is the one that `make up` keeps below DUB_HOME.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dub_platform.backup.deployment import Deployment, restore, save
from dub_platform.backup.folder import BackupFolder
from dub_platform.core.errors import StorageError
from dub_platform.local.stack import Stack, StackError, alone
from dub_platform.settings import Settings, WrongSettingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Save or restore; the exit status."""
    chosen = _parser().parse_args(arguments)
    folder = BackupFolder(chosen.folder.expanduser().resolve())
    try:
        settings = Settings.from_environment()
        if chosen.command == "save":
            _say(_saved(settings, folder))
        else:
            _say(_restored(settings, folder, replace=chosen.replace))
    except (StorageError, StackError, WrongSettingError) as error:
        _say(f"{chosen.command} failed. {error}", *filter(None, [getattr(error, "detail", None)]))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dub_platform.backup")
    commands = parser.add_subparsers(dest="command", required=True)
    saving = commands.add_parser("save", help="copy everything, beside a platform at work")
    restoring = commands.add_parser("restore", help="put everything back, the platform stopped")
    for command in (saving, restoring):
        command.add_argument("folder", type=Path, metavar="FOLDER")
    restoring.add_argument(
        "--replace", action="store_true", help="lose what the deployment's databases hold now"
    )
    return parser


def _saved(settings: Settings, folder: BackupFolder) -> str:
    done = save(_deployment(settings), folder)
    return (
        f"{done.files} files ({done.bytes:,} bytes) are saved in {folder.root}; "
        f"{done.copied} of them ({done.copied_bytes:,} bytes) are new."
    )


def _restored(settings: Settings, folder: BackupFolder, *, replace: bool) -> str:
    with alone(settings.home):
        deployment = _deployment(settings)
        if "DAGSTER_HOME" not in os.environ:
            Stack(settings).prepare()
        done = restore(deployment, folder, replace=replace)
    return (
        f"What release {done.head.release} saved at {done.head.began:%Y-%m-%d %H:%M} UTC is back, "
        f"with {done.objects} files in the store. {done.runs_ended} runs were under way then; "
        "what they were at is requested anew when the platform starts."
    )


def _deployment(settings: Settings) -> Deployment:
    home = os.environ.get("DAGSTER_HOME")
    return Deployment(settings, Path(home) if home else Stack(settings).dagster_home)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
