"""`dub-admin`: what whoever runs the platform does on its machine.

    dub-admin migrate                                       # before a release starts
    dub-admin keys create --tenant acme --scopes read,write
    dub-admin backup /mnt/backup/dub
    dub-admin maintain --dry-run
    dub-admin models get --for en:pt,es

All commands work on the deployment that the settings name, beside a running platform; `restore`
wants it stopped. What needs Dagster imports it when it is asked for, since that costs seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.markup import escape

from dub_platform.commands import backups, keys, maintenance, migration, models
from dub_platform.commands.terminal import CommandError, notes
from dub_platform.core.errors import DubError
from dub_platform.settings import Settings, WrongSettingError

_ABOUT = (
    "Run the platform: the deployment that the settings name, in the environment or in .env of "
    "this folder."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    asked = parser().parse_args(arguments)
    try:
        return int(asked.does(Settings.from_environment(), asked))
    except (CommandError, DubError, WrongSettingError) as error:
        notes.print(f"[bold red]That did not work.[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        notes.print("Stopped. What came until then is kept.")
        return 130


def parser() -> argparse.ArgumentParser:
    """All that can be asked."""
    whole = argparse.ArgumentParser(
        prog="dub-admin",
        description=_ABOUT,
        epilog="dub-admin COMMAND --help says more of each. The command for users is dub.",
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for module in (keys, migration, maintenance, backups, models):
        module.add_to(commands)
    return whole


if __name__ == "__main__":
    sys.exit(main())
