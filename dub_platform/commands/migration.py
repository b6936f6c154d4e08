"""`dub-admin migrate`: the registry's tables as this release wants them, or one step back.

dub-admin migrate           # before the release's servers start; the one before works on beside it
dub-admin migrate down
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dub_platform.commands.terminal import add_command, notes
from dub_platform.registry.migrate import downgrade, upgrade
from dub_platform.settings import Settings

if TYPE_CHECKING:
    from dub_platform.commands.terminal import Commands


def add_to(commands: Commands) -> None:
    """Add `migrate`."""
    about = "bring the registry's tables up to this release, or take the last step back"
    command = add_command(commands, "migrate", _migrate, about)
    command.add_argument(
        "direction", choices=("up", "down"), nargs="?", default="up", help="up by default"
    )


def _migrate(settings: Settings, asked: argparse.Namespace) -> int:
    if asked.direction == "up":
        upgrade(settings.registry_url)
        notes.print("The registry's tables are as this release wants them.")
    else:
        downgrade(settings.registry_url, "-1")
        notes.print("The last step of the registry's tables is taken back.")
    return 0
