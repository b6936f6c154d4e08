"""The command `dub`.

    dub add clip.mp4 --to es,fr --wait
    dub status up-e3c8
    dub lines up-e3c8 es
    dub edit up-e3c8 es 3 "Bon dia."
    dub --help

DUB_URL says where the platform is, DUB_API_KEY has the key.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version

from dub_platform.client.client import DubClient, tag_of
from dub_platform.client.commands import lines, operating, said, videos
from dub_platform.client.commands.parsing import Parser
from dub_platform.client.errors import DubClientError, LineChangedError
from dub_platform.client.retries import Retries
from dub_platform.client.terminal import err, note_once, show_refusal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status."""
    asked = parser().parse_args(arguments)
    try:
        with DubClient.from_environment(Retries(tell=note_once())) as client:
            return int(asked.run(client, asked))
    except LineChangedError as error:
        tag = tag_of(error.line)
        show_refusal(f"{error} To change that, say --if {tag}.")
    except DubClientError as error:
        show_refusal(str(error))
    except BrokenPipeError:
        # The reader of our output (such as `head`) has closed it.
        sys.stderr.close()
    except KeyboardInterrupt:
        err.print("Stopped. What was handed in goes on.")
    return 1


def parser() -> Parser:
    """Make the parser of all commands."""
    whole = Parser(prog="dub", description="Dub videos into other languages.")
    whole.example = "dub add clip.mp4 --to es,ca --wait"
    whole.add_argument("--version", action="version", version=f"dub {version('dub-platform')}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for module in (videos, lines, said, operating):
        module.add_to(commands)
    return whole


if __name__ == "__main__":
    sys.exit(main())
