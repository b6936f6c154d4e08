"""`make cluster`: production's topology as processes of this machine, and the sample dubbed on it.

python -m tests.support.rig.cluster

The engines are those that the environment chooses; where it chooses none, those that are paid for,
spoken to as in production, on local servers that answer as the providers do.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from dub_platform.local import demo
from dub_platform.local.stack import StackError
from dub_platform.settings import Settings, WrongSettingError
from tests.support.rig.cluster.machine import Cluster, cluster
from tests.support.rig.cluster.providers import local_providers
from tests.support.rig.cluster.server import ServerError

# The one that the engines without an account and those of the providers have in common.
LANGUAGES = ("es",)
ROLES = {"transcriber", "translator", "voice", "store"}
console = Console(soft_wrap=True, highlight=False)


def main() -> int:
    """Start it, dub the sample, stop it; the exit status."""
    # `make` and shells without job control start children that ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dub-cluster-"))
            engines = stack.enter_context(_engines(Path(folder)))
            running = stack.enter_context(cluster(Path(folder), **engines))
            console.print(f"Start time: {time.monotonic() - began:.1f} s")
            _dub_the_sample(running)
    except KeyboardInterrupt:
        console.print("Stopped.")
    except (ServerError, StackError, WrongSettingError) as error:
        console.print(f"[bold red]Cluster failed.[/] {error}")
        return 1
    return 0


@contextlib.contextmanager
def _engines(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Settings beyond the environment's: none where it chooses engines."""
    if ROLES & Settings.from_environment().model_fields_set:
        yield {}
        return
    with local_providers(folder) as providers:
        yield providers.settings


def _dub_the_sample(running: Cluster) -> None:
    began = time.monotonic()
    video = demo.hand_in(running.api, LANGUAGES)
    console.print(f"\n{demo.SAMPLE.name} is handed in: {video['id']}")
    demo.follow(running.api, video["id"], console, lambda: _require_alive(running))
    seconds = time.monotonic() - began
    demo.show(demo.results(running.api, video["id"], LANGUAGES), console)
    console.print(f"Dub time, from POST to released: {seconds:.1f} s")


def _require_alive(running: Cluster) -> None:
    dead = running.machine.find_dead()
    if dead:
        raise ServerError(
            f"{dead} ended by itself:\n{running.machine.server(dead).read_output()[-2000:]}"
        )


if __name__ == "__main__":
    sys.exit(main())
