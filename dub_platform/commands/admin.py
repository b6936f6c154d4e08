"""`dub-admin`: what whoever runs the platform does on its machine.

    dub-admin models list --language pt
    dub-admin models get --for en:pt,es

Models are those of `dub_platform.commands.models`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.markup import escape

from dub_platform.commands import models
from dub_platform.commands.terminal import notes
from dub_platform.core.errors import DubError
from dub_platform.settings import Settings, WrongSettingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    parser = argparse.ArgumentParser(prog="dub-admin", description="Run the platform.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    models.add_to(commands)
    asked = parser.parse_args(arguments)
    try:
        return int(asked.does(Settings.from_environment(), asked))
    except (DubError, WrongSettingError) as error:
        notes.print(f"[bold red]That did not work.[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        notes.print("Stopped. What came until then is kept.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
