"""What the commands share: where they write, how they are declared, and how they fail.

    add_command(commands, "migrate", _migrate, "bring the registry's tables up to this release")
    raise CommandError("There is no backup in /mnt/backup: name the folder that it was saved to.")

What was asked for goes to standard output, for scripts; what is said of it goes beside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from dub_platform.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands = _SubParsersAction[argparse.ArgumentParser]

_WIDE_COLUMNS = 240

# What is piped on is read by programs, and has no width that it must fit into.
console = Console(
    soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else _WIDE_COLUMNS
)
notes = Console(stderr=True, soft_wrap=True, highlight=False)


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why, and what to do."""


def add_command(
    commands: Commands, name: str, does: Callable[[Settings, argparse.Namespace], int], about: str
) -> argparse.ArgumentParser:
    """Declare a command; `does` returns its exit status. Its help begins with what it is about."""
    command = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    command.set_defaults(does=does)
    return command
