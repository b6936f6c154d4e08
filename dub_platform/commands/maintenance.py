"""`dub-admin maintain`: what `every_night` does, now, as a table.

dub-admin maintain --dry-run      # only count what would go
dub-admin maintain
"""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.table import Column, Table

from dub_platform import wiring
from dub_platform.commands.terminal import CommandError, add_command, console
from dub_platform.settings import Settings

if TYPE_CHECKING:
    from dub_platform.commands.terminal import Commands
    from resources.catalogue.retention import Kind
    from sensors.retention import Tally


def add_to(commands: Commands) -> None:
    """Add `maintain`."""
    about = "remove now what nothing refers to any more, as is done every night"
    command = add_command(commands, "maintain", _maintain, about)
    command.add_argument("--dry-run", action="store_true", help="only count what would go")


def _maintain(settings: Settings, asked: argparse.Namespace) -> int:
    tallies = _tidy(settings, dry_run=asked.dry_run)
    console.print(table_of(tallies, "would go" if asked.dry_run else "went"))
    return 0


def _tidy(settings: Settings, *, dry_run: bool) -> Mapping[Kind, Tally]:
    from dagster import DagsterInstance, DagsterInvariantViolationError

    from sensors.retention import count_by_kind, tidy

    # Where it is not set, the servers are those of `make up`.
    home = os.environ.setdefault("DAGSTER_HOME", str(settings.home / "dagster"))
    retention = wiring.retention(settings, wiring.store(settings))
    try:
        instance = DagsterInstance.get()
    except DagsterInvariantViolationError as error:
        raise CommandError(
            f"There is no Dagster in {home}, so there is nothing to remove. Set DAGSTER_HOME to "
            f"the folder with its dagster.yaml, or DUB_HOME to that of `make up`. ({error})"
        ) from error
    with instance:
        return count_by_kind(tidy(retention, instance, f"maintain-{uuid.uuid4()}", dry_run=dry_run))


def table_of(tallies: Mapping[Kind, Tally], did: str) -> Table:
    """The kinds with their numbers, and their sums."""
    from sensors.retention import total

    all_of_it = total(tallies)
    table = Table(
        Column(f"what {did}", "all"),
        Column("count", f"{all_of_it.count:,}", justify="right"),
        Column("bytes", f"{all_of_it.bytes:,}", justify="right"),
        box=SIMPLE,
        show_footer=True,
    )
    for kind, tally in tallies.items():
        table.add_row(kind.value, f"{tally.count:,}", f"{tally.bytes:,}")
    return table
