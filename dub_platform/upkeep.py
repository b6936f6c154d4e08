"""Upkeep by hand: what `every_night` does, now, as a table.

python -m dub_platform.upkeep --dry-run      # only count what would go
python -m dub_platform.upkeep
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Mapping

from dagster import DagsterInstance, DagsterInvariantViolationError
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dub_platform import wiring
from dub_platform.core.errors import DubError
from dub_platform.settings import Settings, WrongSettingError
from resources.catalogue.retention import Kind
from sensors.retention import Tally, tallied, tidied, total

console = Console(soft_wrap=True, highlight=False)


def main(*arguments: str) -> int:
    """Tidy up and print how much went; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dub_platform.upkeep")
    parser.add_argument("--dry-run", action="store_true", help="only count what would go")
    dry_run = parser.parse_args(arguments).dry_run
    try:
        tallies = _tidied(Settings.from_environment(), dry_run)
    except (DubError, WrongSettingError, DagsterInvariantViolationError) as error:
        console.print(f"[bold red]Upkeep failed.[/] {escape(str(error))}")
        return 1
    console.print(table_of(tallies, "would go" if dry_run else "went"))
    return 0


def _tidied(settings: Settings, dry_run: bool) -> Mapping[Kind, Tally]:
    # Where it is not set, the servers are those of `make up`.
    os.environ.setdefault("DAGSTER_HOME", str(settings.home / "dagster"))
    retention = wiring.retention(settings, wiring.store(settings))
    with DagsterInstance.get() as instance:
        gone = tidied(retention, instance, f"upkeep-{uuid.uuid4()}", dry_run=dry_run)
        return tallied(gone)


def table_of(tallies: Mapping[Kind, Tally], did: str) -> Table:
    """The kinds with their numbers, and their sums."""
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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
